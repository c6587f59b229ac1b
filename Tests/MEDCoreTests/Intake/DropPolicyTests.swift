import Logging
import MEDLoop
import Testing

import enum MEDTestSupport.Patience

@testable import MEDCore

/// A redistributor, so that nobody takes from the channels but the test.
private struct DropHarness {
  let queue: MemoryQueue
  let log = MemoryDataLog()
  let dropLog: any DataLog
  let store: MemorySubscriptionStore
  var configuration = DispatcherConfiguration(mainQueue: EngineHarness.main)

  init(
    servers: Int = 1, dropLog: any DataLog = MemoryDataLog(), _ subscriptions: [Subscription]
  ) {
    queue = MemoryQueue(servers: servers)
    self.dropLog = dropLog
    store = MemorySubscriptionStore(subscriptions)
    configuration.refreshInterval = .milliseconds(10)
    configuration.parkingPauses = .milliseconds(2)...(.milliseconds(10))
  }

  static func dropping(_ id: Int = 1, _ topic: String = "t", above threshold: Int, action: Int) -> Subscription {
    .make(id, topic, ["DropMessageThreshold": "\(threshold)", "DropMessageThresholdAction": "\(action)"])
  }

  func publish(_ numbers: Range<Int>, topic: String = "t") {
    queue.state.withLock { state in
      for number in numbers {
        _ = state.add(EngineHarness.message(UInt8(number % 128), topic: topic), to: EngineHarness.main)
      }
    }
  }

  func run(_ body: () async throws -> Void) async throws {
    let redistributor = Redistributor(
      configuration: configuration, queue: queue, subscriptions: store, dataLog: log, dropLog: dropLog,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let running = Task { try await redistributor.run() }
    do { try await body() } catch {
      running.cancel()
      try? await running.value
      throw error
    }
    running.cancel()
    try await running.value
  }

  func count(_ tube: TubeName) -> Int { queue.state.withLock { $0.bodies(in: tube).count } }

  func untilDone(_ sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await until("the main queue is empty", sourceLocation) { count(EngineHarness.main) == 0 }
  }

  func until(
    _ comment: Comment, _ sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(30) * Patience.factor
    while await !condition() {
      guard ContinuousClock.now < deadline else {
        Issue.record("not in time: \(comment)", sourceLocation: sourceLocation)
        throw CancellationError()
      }
      try await Task.sleep(for: .milliseconds(2))  // why: polls with a deadline
    }
  }
}

@Suite("§4 Drop policy")
struct DropPolicyTests {
  private static let channel1 = EngineHarness.channel1
  private static let channel2 = EngineHarness.channel2

  @Test(arguments: [1, 3]) func `action 1 writes what is above the threshold to the drop log, and only there`(
    servers: Int
  ) async throws {
    let dropped = MemoryDataLog()
    let harness = DropHarness(servers: servers, dropLog: dropped, [DropHarness.dropping(above: 10, action: 1)])
    harness.publish(0..<100)
    try await harness.run { try await harness.untilDone() }
    #expect(harness.count(Self.channel1) == 11)
    #expect(harness.log.records.isEmpty)
    #expect(dropped.committed.count == 89)
    #expect(dropped.records == dropped.committed)
    for record in dropped.records {
      #expect(record.kind == .dropped && record.subscription == 1 && record.topic == "t")
      #expect(record.tube == Self.channel1.description)
      let copy = try Envelope(try #require(record.payload))
      #expect(copy.originJobID == record.jobID, "a replay keeps the jobid")
    }
    #expect(Set(dropped.records.compactMap(\.jobID)).count == 89)
  }

  @Test func `action 2 drops what is above the threshold, and the DATA log says so without its bytes`() async throws {
    let dropped = MemoryDataLog()
    let harness = DropHarness(dropLog: dropped, [DropHarness.dropping(above: 10, action: 2)])
    harness.publish(0..<100)
    try await harness.run { try await harness.untilDone() }
    #expect(harness.count(Self.channel1) == 11)
    #expect(dropped.records.isEmpty)
    #expect(harness.log.records.count == 89)
    #expect(harness.log.records.allSatisfy { $0.kind == .dropped && $0.payload == nil && $0.subscription == 1 })
    #expect(harness.log.committed.isEmpty, "nothing waits for the disk")
  }

  @Test func `action 0 keeps all, and so does a threshold of 0`() async throws {
    let harness = DropHarness([
      DropHarness.dropping(1, above: 10, action: 0), DropHarness.dropping(2, above: 0, action: 2),
    ])
    harness.publish(0..<100)
    try await harness.run { try await harness.untilDone() }
    #expect(harness.count(Self.channel1) == 100 && harness.count(Self.channel2) == 100)
    #expect(harness.log.records.isEmpty)
  }

  @Test func `another subscription of the topic gets all`() async throws {
    let dropped = MemoryDataLog()
    let harness = DropHarness(dropLog: dropped, [DropHarness.dropping(1, above: 5, action: 1), .make(2, "t")])
    harness.publish(0..<300)
    try await harness.run { try await harness.untilDone() }
    #expect(harness.count(Self.channel1) == 6)
    #expect(harness.count(Self.channel2) == 300)
    #expect(dropped.records.count == 294)
  }

  @Test func `without a drop log the DATA log takes the copies`() async throws {
    var harness = DropHarness([DropHarness.dropping(above: 10, action: 1)])
    harness.configuration.refreshInterval = .seconds(10)
    harness.publish(0..<100)
    let redistributor = Redistributor(
      configuration: harness.configuration, queue: harness.queue, subscriptions: harness.store, dataLog: harness.log,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let running = Task { try await redistributor.run() }
    try await harness.untilDone()
    running.cancel()
    try await running.value
    #expect(harness.log.committed.count { $0.kind == .dropped && $0.payload != nil } == 89)
  }

  @Test func `a backlog from before counts, and when it is gone messages are kept again`() async throws {
    let dropped = MemoryDataLog()
    let harness = DropHarness(dropLog: dropped, [DropHarness.dropping(above: 20, action: 1)])
    harness.queue.state.withLock { state in
      for number: UInt8 in 0..<50 { _ = state.add(EngineHarness.message(number), to: Self.channel1) }
    }
    try await harness.run {
      try await harness.until("the backlog is seen") {
        harness.publish(0..<1)
        return !dropped.records.isEmpty
      }
      try await harness.untilDone()
      // Somebody else takes all of it: seen by a sample alone.
      harness.queue.state.withLock { state in state.jobs[0] = state.jobs[0].filter { $0.value.tube != Self.channel1 } }
      try await harness.until("a message is kept") {
        harness.publish(0..<1)
        return harness.count(Self.channel1) > 0
      }
    }
  }

  @Test func `a policy that is set, changed and taken away is followed live`() async throws {
    let dropped = MemoryDataLog()
    let harness = DropHarness(dropLog: dropped, [.make(1, "t")])
    try await harness.run {
      harness.publish(0..<50)
      try await harness.untilDone()
      #expect(harness.count(Self.channel1) == 50)
      await harness.store.set([DropHarness.dropping(above: 20, action: 1)])
      try await harness.until("messages are dropped") {
        harness.publish(0..<1)
        return !dropped.records.isEmpty
      }
      await harness.store.set([DropHarness.dropping(above: 20, action: 2)])
      try await harness.until("messages are dropped without the drop log") {
        harness.publish(0..<1)
        return !harness.log.records.isEmpty
      }
      await harness.store.set([.make(1, "t")])
      let before = harness.count(Self.channel1)
      try await harness.until("messages are kept") {
        harness.publish(0..<1)
        return harness.count(Self.channel1) > before + 5
      }
    }
  }

  @Test func `while the drop log can't be written its messages wait, others go on, and each is dropped once`()
    async throws
  {
    let dropped = MemoryDataLog()
    dropped.failure = DataLogError(.write, errno: 28)
    let harness = DropHarness(
      dropLog: dropped, [DropHarness.dropping(above: 10, action: 1), .make(2, "t"), .make(3, "u")])
    harness.publish(0..<100)
    try await harness.run {
      try await harness.until("all copies for the other are put") { harness.count(Self.channel2) == 100 }
      try await harness.until("what was kept is settled") { harness.count(EngineHarness.main) == 89 }
      harness.publish(0..<50, topic: "u")
      try await harness.until("another topic goes on") { harness.count(EngineHarness.main) == 89 }
      #expect(harness.count(Self.channel1) == 11)
      #expect(dropped.records.isEmpty)
      dropped.failure = nil
      try await harness.untilDone()
    }
    #expect(Set(dropped.committed.compactMap(\.jobID)).count == 89)
    #expect(dropped.committed.count == 89)
    #expect(harness.count(Self.channel1) == 11)
    #expect(harness.count(Self.channel2) == 100, "confirmed copies are not put again")
  }

  @Test func `a stop while the drop log can't be written gives the messages back`() async throws {
    let dropped = MemoryDataLog()
    dropped.failure = DataLogError(.write, errno: 28)
    let harness = DropHarness(dropLog: dropped, [DropHarness.dropping(above: 10, action: 1)])
    harness.publish(0..<100)
    try await harness.run {
      try await harness.until("what was kept is settled") { harness.count(EngineHarness.main) == 89 }
    }
    #expect(harness.queue.state.withLock { $0.total == 100 && $0.buried == 0 })
  }

  @Test func `a drop log that hangs doesn't hold up others, however many messages wait for it`() async throws {
    let dropped = HungLog()
    var harness = DropHarness(dropLog: dropped, [DropHarness.dropping(above: 0, action: 1), .make(3, "u")])
    harness.configuration.defaults.maxProcessTimeoutMilliseconds = 50
    await harness.store.set([DropHarness.dropping(above: 1, action: 1), .make(3, "u")])
    // More than the window holds.
    harness.publish(0..<Intake.maximumExceptions * 2)
    harness.publish(0..<100, topic: "u")
    try await harness.run {
      try await harness.until("the others have come through") {
        harness.count(TubeName("u/sub-queue/3")!) == 100
      }
      dropped.letGo()
      try await harness.untilDone()
    }
    #expect(dropped.records == Intake.maximumExceptions * 2 - 2)
  }
}

/// Answers nothing until it is let go.
private final class HungLog: DataLog {
  private struct State {
    var isHung = true
    var waiting: [CheckedContinuation<Void, Never>] = []
    var records = 0
  }

  private let state = Locked(State())

  var records: Int { state.withLock { $0.records } }

  func write(_ record: DataRecord) {}

  func commit(_ record: DataRecord) async throws {
    await withCheckedContinuation { continuation in
      let isHung = state.withLock { state in
        state.records += 1
        if state.isHung { state.waiting.append(continuation) }
        return state.isHung
      }
      if !isHung { continuation.resume() }
    }
  }

  func letGo() {
    let waiting = state.withLock { state in
      state.isHung = false
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}
