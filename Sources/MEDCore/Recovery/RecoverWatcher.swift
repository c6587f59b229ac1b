import Logging
import MEDLoop

/// Recover lists → main queue (SPEC §10).
///
/// One batch at a time: taken to a list of this process's own, put, recorded where need be, and only then removed there. So
/// a crash at any point leaves each message on a list, in the main queue, or both; at most one batch in both.
final class RecoverWatcher {
  let context: EngineContext
  let lists: any RecoverLists
  let configuration: RecoveryConfiguration

  private(set) lazy var recorder = makeRecorder()
  private var batch = 1
  private var health = RecoverHealth()
  private var isStopped = false
  private var sleeping: Task<Void, Never>?
  private let isOver: WorkCount
  private var isClosed = false

  init(_ context: EngineContext, _ lists: any RecoverLists, _ configuration: RecoveryConfiguration) {
    self.context = context
    self.lists = lists
    self.configuration = configuration
    isOver = WorkCount(loop: context.actor.loop)
  }

  private func makeRecorder() -> RecoverRecorder {
    weak let watcher = self
    return RecoverRecorder(context, configuration) { watcher?.sleeping?.cancel() }
  }

  var latestError: String? { health.latestError }
  var isReachable: Bool { health.isGood }
  var isStopping: Bool { isStopped || context.isStopping }

  func start() {
    isOver.begin()
    context.actor.spawn {
      await self.run()
      self.isOver.end()
    }
    isOver.begin()
    context.actor.spawn {
      await self.stayAlive()
      self.isOver.end()
    }
  }

  /// Takes no more. What is in hand is brought to its end, for a moment; after that it is left where it is.
  func stop() async {
    isStopped = true
    recorder.stop()
    sleeping?.cancel()
    _ = await isOver.finish(within: configuration.stopDeadline)
    isClosed = true
    await lists.close()
    _ = await isOver.finish(within: .milliseconds(500))
  }

  // MARK: The loop

  private func run() async {
    var pause = configuration.pauses.lowerBound
    while !isStopping {
      let isWell = await turn()
      if isWell {
        pause = configuration.pauses.lowerBound
      } else {
        await sleep(for: pause * Double.random(in: 0.5...1))
        pause = min(pause * 2, configuration.pauses.upperBound)
      }
    }
    // What is recorded and not removed would be recorded again.
    while recorder.isRunning, !isClosed { try? await context.actor.loop.sleep(for: .milliseconds(5)) }
    if !isClosed { _ = await remove(recorder.takeRecorded()) }
  }

  /// - Returns: false: something is away, and it is better to wait.
  private func turn() async -> Bool {
    let recorded = recorder.takeRecorded()
    if !recorded.isEmpty, await !remove(recorded) { return false }
    // While there is no queue server, the lists are where the messages are safest.
    guard recorder.hasRoom, context.desks.contains(where: \.queue.isReachable) else { return false }
    let take: RecoverTake
    do {
      take = try await lists.take(atMost: batch)
      tell(health.succeeded())
    } catch {
      tellFailure(error)
      return false
    }
    guard !take.entries.isEmpty else {
      await sleep(for: take.pause)
      return true
    }
    resize(after: take.entries)
    return await settle(take.entries)
  }

  func tellFailure(_ error: any Error) {
    batch = 1
    if !isStopping { tell(health.failed(error)) }
  }

  /// Batches double while lists are full. A large entry makes the next ones smaller.
  private func resize(after entries: [RecoverEntry]) {
    let bytes = entries.reduce(0) { $0 + $1.bytes.count }
    let fitting = configuration.batchBytes / max(bytes / max(entries.count, 1), 1)
    batch = max(1, min(batch * 2, configuration.largestBatch, fitting))
  }

  /// Others take what is in hand from a process that seems to be dead: shown also while a batch takes long.
  private func stayAlive() async {
    while !isStopping {
      await sleepBesides(for: configuration.keepAliveInterval)
      if !isStopping { try? await lists.keepAlive() }
    }
  }

  private func sleep(for duration: Duration) async {
    guard !isStopping, duration > .zero else { return }
    let loop = context.actor.loop
    let sleeper = context.actor.spawn { try? await loop.sleep(for: duration) }
    sleeping = sleeper
    await sleeper.value
    sleeping = nil
  }

  /// In steps, so that a stop needn't wake it.
  private func sleepBesides(for duration: Duration) async {
    let step = Duration.milliseconds(200)
    var left = duration
    while left > .zero, !isStopping {
      try? await context.actor.loop.sleep(for: min(left, step))
      left -= step
    }
  }

  private func tell(_ change: RecoverHealth.Change?) {
    switch change {
    case nil: return
    case .recovered: context.logger.info("the recover lists can be read again")
    case .failed(let error):
      context.logger.warning("the recover lists can't be read", metadata: [LogKey.error: "\(error)"])
    }
  }
}

/// What is told of a server that can't be used: each reason once, until it is well again.
struct RecoverHealth {
  enum Change: Equatable {
    case recovered
    case failed(String)
  }

  /// Reasons that are told in one outage; texts may vary without end.
  static let maximumTold = 20

  private(set) var latestError: String?
  private var told: Set<String> = []

  var isGood: Bool { told.isEmpty }

  mutating func succeeded() -> Change? {
    defer { told = [] }
    return isGood ? nil : .recovered
  }

  mutating func failed(_ error: any Error) -> Change? {
    let text = "\(error)"
    latestError = text
    guard told.count < Self.maximumTold, told.insert(text).inserted else { return nil }
    return .failed(text)
  }
}
