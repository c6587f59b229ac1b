import DequeModule
import MEDLoop

/// Looks at the queues of one server, in rounds: how much waits where, and whether there are jobs that nobody announced
/// (the backlog at the start, jobs kicked or put by others).
///
/// It has a connection of its own and uses at most a twentieth of the server's time. Once a second it asks how much there
/// is in all and in the main queue; unless that is the same, which tubes exist, and then each of those that belong to live
/// subscriptions: first the channels with a drop policy that get messages, then those that nobody takes from, as long as
/// that takes; then for a second at most the others, the longest unseen first. Tubes that don't exist cost nothing, and
/// those of others are counted, never touched.
final class BacklogSampler {
  static let interval = Duration.seconds(1)
  /// Pause after a command, as a multiple of the time it took: 1 / (1 + 19) = 5 %.
  private static let restFactor = 19
  /// What took longer than a nineteenth of it was no work but a standstill: a stopped process, a disk, a network.
  private static let longestRest = Duration.seconds(5)
  /// How often it is looked which channels with a drop policy are to be sampled.
  private static let levelInterval = Duration.milliseconds(100)

  /// Names that are looked through before others on the loop get their turn.
  private static let namesPerTurn = 256

  private let context: EngineContext
  let desk: ServerDesk
  /// nil: nothing is pushed here, and nobody cares for leftovers.
  private let supervisor: LaneSupervisor?
  private var isStopped = false
  /// Tubes that belong to nobody here, as of the last look.
  private(set) var foreignTubes = 0
  /// Channels with a drop policy that are to be sampled.
  private var due: Deque<Int> = []
  private var dueSince = ContinuousClock.now
  private var resting: UnsafeContinuation<Void, Never>?

  /// A tube of ours that exists.
  private struct Tube {
    let name: TubeName
    let queue: Backlog.Queue
  }

  init(_ context: EngineContext, _ desk: ServerDesk, _ supervisor: LaneSupervisor?) {
    self.context = context
    self.desk = desk
    self.supervisor = supervisor
  }

  func stop() {
    isStopped = true
    wake()
  }

  func run() async {
    while !isStopped {
      let next = ContinuousClock.now + Self.interval
      if desk.queue.isReachable { try? await round() }
      while !isStopped, ContinuousClock.now < next {
        if await sampleLevel() { continue }
        await rest(until: context.backlog.hasLevels ? min(next, .now + Self.levelInterval) : next)
      }
    }
  }

  /// A channel with a drop policy gets its first message: how full is it?
  func sampleSoon(_ subscription: Int) {
    due.prepend(subscription)
    wake()
  }

  private func rest(until end: ContinuousClock.Instant) async {
    let timer = context.actor.loop.schedule(at: end) { [weak self] in self?.wake() }
    await withUnsafeContinuation { resting = $0 }
    timer.cancel()
  }

  private func wake() {
    resting?.resume()
    resting = nil
  }

  // MARK: Rounds

  private func round() async throws {
    let start = ContinuousClock.now
    let moment = context.backlog.moment
    let server = try await measured { try await $0.statistics() }
    let isIdle = server.ready + server.delayed + server.buried + server.reserved == 0
    let askedMain = ContinuousClock.now
    let main = isIdle ? nil : try await measured { try await $0.statistics(of: self.context.configuration.mainQueue) }
    context.backlog.noteMainQueue(BacklogSample(main ?? TubeStatistics(), at: askedMain), at: desk.index)
    guard server.ready > (main?.ready ?? 0) || server.delayed > (main?.delayed ?? 0) else {
      let isEmpty = server.ready + server.delayed == 0
      return context.backlog.noteNothingWaits(at: desk.index, isEmpty: isEmpty, since: moment, askedAt: start)
    }
    var (sleeping, busy) = try await tubes()
    for tube in sleeping {
      guard !isStopped else { return }
      _ = await sampleLevel()
      // Somebody may have announced it meanwhile.
      if isTaking(tube.queue) { busy.append(tube) } else { try await findLeftovers(in: tube) }
    }
    let end = ContinuousClock.now + Self.interval
    for tube in oldestFirst(busy) {
      guard !isStopped, ContinuousClock.now < end else { return }
      _ = await sampleLevel()
      _ = try await sample(tube.name, tube.queue)
    }
  }

  /// Those that exist and belong to live subscriptions, by whether a lane takes from them.
  private func tubes() async throws -> (sleeping: [Tube], busy: [Tube]) {
    let start = ContinuousClock.now
    let moment = context.backlog.moment
    var sleeping: [Tube] = []
    var busy: [Tube] = []
    var existing: Set<Backlog.Queue> = []
    var foreign = 0
    for (index, text) in try await measured({ try await $0.tubes() }).enumerated() {
      if index % Self.namesPerTurn == Self.namesPerTurn - 1 { await Task.yield() }
      guard let owner = context.directory.owner(ofTube: text), let name = TubeName(text) else {
        foreign += 1
        continue
      }
      let queue = Backlog.Queue(subscription: owner.subscription, kind: owner.isRetry ? .retry : .channel)
      existing.insert(queue)
      if supervisor == nil || isTaking(queue) {
        busy.append(Tube(name: name, queue: queue))
      } else {
        sleeping.append(Tube(name: name, queue: queue))
      }
    }
    foreignTubes = foreign
    context.backlog.noteListed(existing, at: desk.index, since: moment, askedAt: start)
    return (sleeping, busy)
  }

  private func isTaking(_ queue: Backlog.Queue) -> Bool {
    supervisor?.isTaking(subscription: queue.subscription, queue.kind, at: desk.index) ?? true
  }

  private func oldestFirst(_ tubes: [Tube]) -> [Tube] {
    let ages = tubes.map { (tube: $0, at: context.backlog.latestLook(into: $0.queue, at: desk.index)) }
    return ages.sorted { Backlog.isOlder($0.at, than: $1.at) }.map(\.tube)
  }

  private func findLeftovers(in tube: Tube) async throws {
    guard let statistics = try await sample(tube.name, tube.queue) else { return }
    var untilNext: Duration?
    if statistics.delayed > 0 {
      untilNext = try await measured { try await $0.timeUntilNextDelayed(in: tube.name) }
    }
    guard !isStopped, let channel = context.directory.channel(tube.queue.subscription) else { return }
    if statistics.ready > 0 { supervisor?.announce(channel, tube.queue.kind, statistics.ready, at: desk.index) }
    if let untilNext { supervisor?.noteDelayed(channel, tube.queue.kind, at: desk.index, after: untilNext) }
  }

  // MARK: Samples

  /// Samples one channel with a drop policy that gets messages or is not empty, if its sample isn't recent.
  /// - Returns: false if there is none.
  private func sampleLevel() async -> Bool {
    let now = ContinuousClock.now
    if due.isEmpty, now - dueSince >= Self.levelInterval {
      dueSince = now
      due = Deque(context.backlog.levelsToSample(at: desk.index, olderThan: now - Self.interval))
    }
    while let id = due.popFirst() {
      guard let name = context.directory.channel(id)?.names?.channel, desk.queue.isReachable else { continue }
      // What can't be asked now is due again soon.
      _ = try? await sample(name, Backlog.Queue(subscription: id, kind: .channel))
      return true
    }
    return false
  }

  private func sample(_ tube: TubeName, _ queue: Backlog.Queue) async throws -> TubeStatistics? {
    let start = ContinuousClock.now
    let mark = context.backlog.mark(of: queue, at: desk.index)
    return try await measured { server in
      let statistics = try await server.statistics(of: tube)
      self.context.backlog.note(statistics, of: queue, at: self.desk.index, since: mark, askedAt: start)
      return statistics
    }
  }

  /// Asks the server, then rests in proportion to the time that the answer took.
  private func measured<Answer>(_ ask: (any QueueServer) async throws -> Answer) async throws -> Answer {
    let start = ContinuousClock.now
    let answer = try await ask(desk.queue)
    try? await context.actor.loop.sleep(for: Self.rest(after: ContinuousClock.now - start))
    return answer
  }

  static func rest(after time: Duration) -> Duration { min(time * restFactor, longestRest) }
}
