import Logging
import MEDCore
import MEDLoop
import Testing

import enum MEDTestSupport.Patience

/// Everything around a dispatcher: five messages, two queue servers, three subscribers, a store and a log, each of whose
/// answers a script can spoil; and an account of where every message is.
final class FaultWorld: Sendable {
  /// One message for one subscription. Messages are named by their job id in the main queue.
  struct Errand: Hashable, CustomStringConvertible {
    let message: UInt64
    let subscription: Int
    var description: String { "\(message)→\(subscription)" }
  }

  private struct Account: Sendable {
    var delivered: Set<Errand> = []
    var recorded: Set<Errand> = []
    var records: [DataRecord] = []
    var problems: [String] = []
    var store = 0
  }

  /// 1 and 2 go to subscriptions 1 and 2, which never takes 2; 3 is no message; 4 has a topic that must be looked up; nobody
  /// wants 5.
  static let errands: [Errand] = [
    Errand(message: 1, subscription: 1), Errand(message: 1, subscription: 2), Errand(message: 2, subscription: 1),
    Errand(message: 2, subscription: 2), undecodable, Errand(message: 4, subscription: 3),
  ]
  static let undecodable = Errand(message: 3, subscription: 0)
  private static let subscriptions: [String: [Int]] = ["t": [1, 2], "v": [3]]

  /// More messages for `t`, in the world where subscription 2 drops what goes beyond two.
  static let droppableErrands: [Errand] = [6, 7, 8].flatMap { message in
    [Errand(message: message, subscription: 1), Errand(message: message, subscription: 2)]
  }

  let script: FaultScript
  let drops: Bool
  let queue = MemoryQueue(servers: 2)
  let failureLog = MemoryFailureLog()
  private let account = Locked(Account())

  /// - Parameter drops: subscription 2 has a drop policy, and there are messages enough for it.
  init(_ script: FaultScript, drops: Bool = false) {
    self.script = script
    self.drops = drops
    queue.state.withLock { state in
      for bytes in [
        EngineHarness.message(1), EngineHarness.message(2), [0xC1], EngineHarness.message(4, topic: "v"),
        EngineHarness.message(5, topic: "u"),
      ] { _ = state.add(bytes, to: EngineHarness.main) }
      if drops { for number: UInt8 in 6...8 { _ = state.add(EngineHarness.message(number), to: EngineHarness.main) } }
      state.script = script
      state.willDelete = { [unowned self] state, id, job in self.check(deleting: id, job, state) }
    }
  }

  var problems: [String] { account.withLock { $0.problems } }
  var records: [DataRecord] { account.withLock { $0.records } }

  // MARK: Accounting

  private static func errands(_ id: UInt64, _ job: MemoryQueue.Stored) -> [Errand] {
    guard let envelope = try? Envelope(job.body) else { return [undecodable] }
    if job.tube == EngineHarness.main {
      return (subscriptions[envelope.topic] ?? []).map { Errand(message: id, subscription: $0) }
    }
    let parts = job.tube.description.split(separator: "/")
    return [Errand(message: envelope.originJobID, subscription: Int(parts[2]) ?? -1)]
  }

  private func isSafe(_ errand: Errand, without job: UInt64?, _ state: MemoryQueue.State) -> Bool {
    let isHome = account.withLock { $0.delivered.contains(errand) || $0.recorded.contains(errand) }
    return isHome
      || state.jobs.contains { jobs in
        jobs.contains { $0.key != job && Self.errands($0.key, $0.value).contains(errand) }
      }
  }

  /// Nothing is deleted before it has another home.
  private func check(deleting id: UInt64, _ job: MemoryQueue.Stored, _ state: MemoryQueue.State) {
    for errand in Self.errands(id, job) where !isSafe(errand, without: id, state) {
      account.withLock { $0.problems.append("\(job.tube) \(id) deleted, and \(errand) is nowhere else") }
    }
  }

  /// - Parameter isKilled: buried jobs are what a crash leaves; a stop leaves none that isn't recorded.
  func checkEnd(isKilled: Bool) -> [String] {
    let state = queue.state.withLock { $0 }
    var problems = self.problems
    for errand in Self.errands + (drops ? Self.droppableErrands : []) where !isSafe(errand, without: nil, state) {
      problems.append("\(errand) is lost")
    }
    if isKilled { return problems }
    let recorded = Set(records.filter { $0.kind == .kickFailed || $0.kind == .deleteFailed }.compactMap(\.jobID))
    for (id, job) in state.jobs.joined() where job.isBuried && !recorded.contains(id) {
      problems.append("\(job.tube) \(id) stays buried, and no record says so")
    }
    return problems
  }

  // MARK: What surrounds the dispatcher

  func push(_ request: PushRequest) -> PushAnswer {
    let fault = script.fault(of: .push)
    let parts = request.url.split(separator: "?")[1].split(separator: "&")[0].dropFirst(6).split(separator: "-")
    guard let message = UInt64(parts[1]), let subscription = Int(parts[2]) else { return .error500 }
    let errand = Errand(message: message, subscription: subscription)
    let isWanted = errand != Errand(message: 2, subscription: 2)
    if isWanted, fault == nil || fault == .doneUnanswered { account.withLock { _ = $0.delivered.insert(errand) } }
    switch fault {
    case nil: return isWanted ? .ok : .error500
    case .refused: return .error500
    case .tooBig: return .answered(status: 200, body: [], truncated: true, retryAfter: nil)
    case .unavailable: return .failed(PushFailure(.refused, "refused"))
    case .unanswered, .doneUnanswered: return .failed(PushFailure(.timedOut, "timed out"))
    }
  }

  fileprivate func record(_ record: DataRecord) {
    account.withLock { account in
      account.records.append(record)
      guard let payload = record.payload else { return }
      if record.kind == .undecodable { account.recorded.insert(Self.undecodable) }
      guard let envelope = try? Envelope(payload), let subscription = record.subscription else { return }
      switch record.kind {
      case .exhausted, .redistributionFailed, .dropped:
        account.recorded.insert(Errand(message: envelope.originJobID, subscription: subscription))
      default: break
      }
    }
  }

  private func subscription(_ id: Int, _ topic: String) -> Subscription {
    Subscription(
      id: id, topic: topic, receptionChannel: "http://127.0.0.1:9/s/\(id)",
      parameters: drops && id == 2 ? ["DropMessageThreshold": "1", "DropMessageThresholdAction": "1"] : [:])
  }
}

extension FaultWorld: DataLog {
  func write(_ record: DataRecord) {
    if !isDead { self.record(record) }
  }

  func commit(_ record: DataRecord) async throws {
    let fault = script.fault(of: .commit)
    if fault == nil || fault == .doneUnanswered { self.record(record) }
    if let fault { throw fault }
  }

  private var isDead: Bool {
    if case .kill = script.plan { script.isOver } else { false }
  }
}

extension FaultWorld: SubscriptionStore {
  /// Subscription 3 is so new that only a lookup finds it.
  func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot? {
    let present = account.withLock { $0.store }
    if version?.rawValue == Int64(present) { return nil }
    let all = [subscription(1, "t"), subscription(2, "t")] + (present > 0 ? [subscription(3, "v")] : [])
    return SubscriptionSnapshot(version: StoreVersion(rawValue: Int64(present)), subscriptions: all)
  }

  func subscriptions(ofTopic topic: String) async throws -> [Subscription] {
    if script.fault(of: .lookUp) != nil { throw StoreError(.unavailable, "down") }
    if topic == "v" { account.withLock { $0.store = 1 } }
    return (Self.subscriptions[topic] ?? []).map { subscription($0, topic) }
  }
}

extension FaultWorld {
  /// Runs a dispatcher in this world until `isDone`, then stops it.
  /// - Returns: what is wrong then.
  func run(until isDone: @escaping @Sendable (MemoryQueue.State) -> Bool) async throws -> [String] {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    var configuration = DispatcherConfiguration(mainQueue: EngineHarness.main)
    configuration.retrySchedule = RetrySchedule(coefficient: 0, maximumRetries: 1)
    configuration.settleDeadline = .milliseconds(50)
    configuration.parkingPauses = .milliseconds(2)...(.milliseconds(10))
    configuration.placementPause = .milliseconds(1)
    configuration.logsSentMessages = false
    let dispatcher = Dispatcher(
      configuration: configuration, queue: queue, pusher: ScriptedPusher { [unowned self] in self.push($0) },
      subscriptions: self, dataLog: self, failureLog: failureLog, logger: logger)
    let running = Task { try await dispatcher.run() }
    let deadline = ContinuousClock.now + .seconds(20) * Patience.factor
    while !script.isOver && !queue.state.withLock({ isDone($0) }) {
      if ContinuousClock.now > deadline {
        running.cancel()
        try await running.value
        return ["not done in time: \(queue.state.withLock { "\($0.jobs) \($0.history.suffix(9))" })"] + problems
      }
      try await Task.sleep(for: .milliseconds(1))  // why: polls with a deadline
    }
    running.cancel()
    try await running.value
    if case .kill = script.plan { return checkEnd(isKilled: true) }
    return checkEnd(isKilled: false)
  }
}
