import Logging
import MEDCore
import MEDLoop
import Testing

import enum MEDTestSupport.Patience

/// A dispatcher over memory queues and a subscriber that answers what the test says.
struct EngineHarness {
  let queue: MemoryQueue
  let pusher: ScriptedPusher
  let log = MemoryDataLog()
  var failureLog: (any FailureLog)?
  var alerts: Alerts?
  var configuration: DispatcherConfiguration
  var subscriptions: any SubscriptionStore

  static let main = TubeName("main")!
  static let channel1 = TubeName("t/sub-queue/1")!
  static let retry1 = TubeName("t/sub-queue/1/FAIL")!
  static let channel2 = TubeName("t/sub-queue/2")!

  init(
    servers: Int = 1, subscriptions count: Int = 1, parameters: [String: String] = [:],
    answer: @escaping @Sendable (PushRequest) -> PushAnswer = { _ in .ok }
  ) {
    queue = MemoryQueue(servers: servers)
    pusher = ScriptedPusher(answer)
    configuration = DispatcherConfiguration(mainQueue: Self.main)
    configuration.retrySchedule = RetrySchedule(coefficient: 0, maximumRetries: 2)
    configuration.settleDeadline = .milliseconds(200)
    subscriptions = FixedSubscriptions(
      (0..<count).map {
        Subscription(
          id: $0 + 1, topic: "t", receptionChannel: "http://127.0.0.1:9/s/\($0 + 1)", parameters: parameters)
      })
  }

  /// msgpack: a map with MsgKey, Body (an integer that names the message), Time.
  static func message(_ number: UInt8, topic: String = "t") -> [UInt8] {
    var bytes: [UInt8] = [0x83, 0xA6] + Array("MsgKey".utf8) + [0xA0 | UInt8(topic.utf8.count)] + Array(topic.utf8)
    bytes += [0xA4] + Array("Body".utf8) + [number & 0x7F]
    bytes += [0xA4] + Array("Time".utf8) + [1]
    return bytes
  }

  func publish(_ numbers: [UInt8], topic: String = "t") {
    queue.state.withLock { state in
      for number in numbers { _ = state.add(Self.message(number, topic: topic), to: Self.main) }
    }
  }

  /// A dispatcher over all this, which doesn't run yet.
  func dispatcher() -> Dispatcher {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return Dispatcher(
      configuration: configuration, queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: log,
      failureLog: failureLog, alerts: alerts, logger: logger)
  }

  /// Runs a dispatcher for as long as `body` takes, then stops it gracefully.
  func run(over other: (any DataLog)? = nil, _ body: () async throws -> Void) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let dispatcher = Dispatcher(
      configuration: configuration, queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: other ?? log,
      failureLog: failureLog, alerts: alerts, logger: logger)
    let running = Task { try await dispatcher.run() }
    do {
      try await body()
    } catch {
      running.cancel()
      try? await running.value
      throw error
    }
    running.cancel()
    try await running.value
  }

  /// Waits until so many pushes were made.
  func pushes(
    _ count: Int, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await eventually(comment, sourceLocation: sourceLocation) {
      self.pusher.state.withLock { $0.urls.count } >= count
    }
  }

  func eventually(
    _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(20) * Patience.factor
    while await !condition() {
      guard ContinuousClock.now < deadline else {
        Issue.record("not in time: \(comment)", sourceLocation: sourceLocation)
        throw CancellationError()
      }
      try await Task.sleep(for: .milliseconds(2))  // why: polls with a deadline
    }
  }

  /// Runs a dispatcher until `condition` holds, then stops it gracefully.
  func run(
    until condition: @escaping @Sendable (MemoryQueue.State) -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let dispatcher = Dispatcher(
      configuration: configuration, queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: log,
      failureLog: failureLog, alerts: alerts, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await dispatcher.run() }
      let deadline = ContinuousClock.now + .seconds(20) * Patience.factor
      while !queue.state.withLock({ condition($0) }) {
        if ContinuousClock.now > deadline {
          Issue.record(
            "not reached in time: \(queue.state.withLock { $0.history.suffix(20) })", sourceLocation: sourceLocation)
          break
        }
        try await Task.sleep(for: .milliseconds(2))  // why: the pause between two looks
      }
      group.cancelAll()
      try await group.waitForAll()
    }
  }
}

extension LoopActor {
  /// As `eventually`, for what may be looked at on the loop alone.
  func waitUntil(
    _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(20) * Patience.factor
    while !condition() {
      guard ContinuousClock.now < deadline else {
        Issue.record("not in time: \(comment)", sourceLocation: sourceLocation)
        throw CancellationError()
      }
      try await loop.sleep(for: .milliseconds(1))  // why: polls with a deadline
    }
  }
}

extension PushAnswer {
  static let ok = PushAnswer.answered(
    status: 200, body: Array(#"{"status":1}"#.utf8), truncated: false, retryAfter: nil)
  static let error500 = PushAnswer.answered(status: 500, body: [], truncated: false, retryAfter: nil)
}

/// Answers pushes without a network, and remembers them.
final class ScriptedPusher: Pusher {
  struct State: Sendable {
    var urls: [String] = []
    var starts: [ContinuousClock.Instant] = []
    var bodies: [String] = []
    /// Nothing is answered as long as this holds.
    var isHeld = false
    /// Times that held pushes were looked at again: the loop has made so many rounds meanwhile.
    var heldPolls = 0
    var running = 0
    var mostRunning = 0
  }

  let state = Locked(State())
  let answer: @Sendable (PushRequest) -> PushAnswer
  /// Turns of the loop that a push takes.
  let duration: Duration

  init(_ answer: @escaping @Sendable (PushRequest) -> PushAnswer, duration: Duration = .zero) {
    self.answer = answer
    self.duration = duration
  }

  func open(on actor: isolated LoopActor) -> any PushSession { Session(pusher: self, loop: actor.loop) }

  private final class Session: PushSession {
    let pusher: ScriptedPusher
    let loop: EventLoop

    init(pusher: ScriptedPusher, loop: EventLoop) {
      self.pusher = pusher
      self.loop = loop
    }

    func push(_ request: PushRequest) async -> PushAnswer {
      pusher.state.withLock { state in
        state.urls.append(request.url)
        state.starts.append(.now)
        state.bodies.append(String(decoding: request.body, as: UTF8.self))
        state.running += 1
        state.mostRunning = max(state.mostRunning, state.running)
      }
      if pusher.duration > .zero { try? await loop.sleep(for: pusher.duration) } else { await Task.yield() }
      while pusher.state.withLock({ $0.isHeld }) {
        try? await loop.sleep(for: .milliseconds(1))
        pusher.state.withLock { $0.heldPolls += 1 }
      }
      pusher.state.withLock { $0.running -= 1 }
      return pusher.answer(request)
    }

    func close() async {}
  }
}
