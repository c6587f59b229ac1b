import Logging
import MEDLoop

/// Deletes and kicks the jobs of one queue server, until it has said that it did.
///
/// What is handed over while a batch is under way gathers for the next one. A verb that fails is tried again with growing
/// pauses, outside of every window; after the third time it is recorded, and tried on.
final class Settler {
  /// A job with what its record would need.
  struct Entry {
    var job: Job
    var settlement: Settlement
    var topic: String?
    var subscription: Int?
  }

  /// Past this many unsettled jobs nothing more is taken from the server. Those that are done and not deleted yet would be
  /// pushed again after a crash.
  static let bound = 2_000

  private let server: any QueueServer
  private let dataLog: any DataLog
  private let actor: LoopActor
  private let logger: Logger
  private var deletes: [Entry] = []
  private var kicks: [Entry] = []
  /// Asked for, not answered yet.
  private var underWay: [Entry] = []
  /// Failed ones that wait for their next try.
  private var pausing: [UInt64: Entry] = [:]
  private var pauseNumber: UInt64 = 0
  private var isFlushing = false
  private var hasDeadlinePassed = false
  private var drainWaiters: [UnsafeContinuation<Void, Never>] = []

  /// Jobs handed over whose end isn't known yet.
  private(set) var pending = 0
  private(set) var deleted = 0
  private(set) var kicked = 0

  init(server: any QueueServer, dataLog: any DataLog, actor: LoopActor, logger: Logger) {
    self.server = server
    self.dataLog = dataLog
    self.actor = actor
    self.logger = logger
  }

  var isFull: Bool { pending >= Self.bound }

  /// One of the homes that `entry` waits for is confirmed. Deletes the job if it was the last one.
  func homeFound(_ entry: inout Entry) {
    perform(entry.settlement.handle(.homeFound), entry)
  }

  /// Gives an unfinished job back to its tube.
  func giveBack(_ entry: inout Entry) {
    perform(entry.settlement.handle(.stop), entry)
  }

  private func perform(_ action: Settlement.Action, _ entry: Entry) {
    switch action {
    case .delete:
      pending += 1
      deletes.append(entry)
      flushSoon()
    case .kick:
      pending += 1
      kicks.append(entry)
      flushSoon()
    default:
      break
    }
  }

  private func flushSoon() {
    guard !isFlushing else { return }
    isFlushing = true
    actor.loop.atEndOfTurn(self)
  }

  private func flush() async {
    while !deletes.isEmpty || !kicks.isEmpty {
      swap(&underWay, &deletes)
      if !underWay.isEmpty { finish(await server.delete(underWay.map(\.job))) }
      swap(&underWay, &kicks)
      if !underWay.isEmpty { finish(await server.kick(underWay.map(\.job))) }
    }
    isFlushing = false
    wakeDrainWaiters()
  }

  private func finish(_ outcomes: [SettleOutcome]) {
    var batch: [Entry] = []
    swap(&batch, &underWay)
    for index in batch.indices {
      let outcome = index < outcomes.count ? outcomes[index] : .failed("no answer")
      let phase = batch[index].settlement.phase
      switch batch[index].settlement.handle(.answer(outcome)) {
      case .forget:
        pending -= 1
        if phase == .deleting { deleted += 1 } else { kicked += 1 }
      case .again(let pause):
        tryAgain(batch[index], after: pause)
      case .recordAndAgain(let kind, let pause):
        record(kind, batch[index], outcome)
        tryAgain(batch[index], after: pause)
      default:
        break
      }
    }
    batch.removeAll(keepingCapacity: true)
    swap(&batch, &underWay)
  }

  private func tryAgain(_ entry: Entry, after pause: Duration) {
    if hasDeadlinePassed { return giveUp(entry) }
    pauseNumber &+= 1
    let number = pauseNumber
    pausing[number] = entry
    actor.loop.schedule(after: pause) { [self] in
      guard let entry = pausing.removeValue(forKey: number) else { return }
      if entry.settlement.phase == .deleting { deletes.append(entry) } else { kicks.append(entry) }
      flushSoon()
    }
  }

  private func giveUp(_ entry: Entry) {
    var entry = entry
    if case .recordAndForget(let kind) = entry.settlement.handle(.deadline) {
      record(kind, entry, .failed("no time left to try again"))
    }
    pending -= 1
    wakeDrainWaiters()
  }

  private func record(_ kind: RecordKind, _ entry: Entry, _ outcome: SettleOutcome) {
    let reason: String
    if case .failed(let text) = outcome { reason = text } else { reason = "\(outcome)" }
    dataLog.write(
      DataRecord(
        kind, topic: entry.topic, subscription: entry.subscription, queueServer: server.address.description,
        tube: entry.job.tube.description, jobID: entry.job.id.number, reason: reason,
        payload: kind == .kickFailed && !entry.job.body.isEmpty ? entry.job.body : nil))
    logger.error(
      "a job could not be settled",
      metadata: [
        LogKey.record: "\(kind.rawValue)", LogKey.queueServer: "\(server.address)", LogKey.tube: "\(entry.job.tube)",
        LogKey.jobID: "\(entry.job.id.number)", LogKey.reason: "\(reason)",
      ])
  }

  // MARK: Stop

  /// Returns when every job handed over has come to an end. After `deadline` failing ones are recorded and given up.
  func drain(within deadline: Duration) async {
    let timer = actor.loop.schedule(after: deadline) { self.giveUpAll() }
    await withUnsafeContinuation { continuation in
      drainWaiters.append(continuation)
      wakeDrainWaiters()
    }
    timer.cancel()
  }

  private func giveUpAll() {
    hasDeadlinePassed = true
    let unsettled = underWay + deletes + kicks + pausing.sorted { $0.key < $1.key }.map(\.value)
    underWay = []
    deletes = []
    kicks = []
    pausing = [:]
    for entry in unsettled { giveUp(entry) }
  }

  private func wakeDrainWaiters() {
    guard pending == 0 else { return }
    let waiters = drainWaiters
    drainWaiters = []
    for waiter in waiters { waiter.resume() }
  }
}

extension Settler: TurnEndHandler {
  func turnEnded() {
    actor.spawn { await self.flush() }
  }
}
