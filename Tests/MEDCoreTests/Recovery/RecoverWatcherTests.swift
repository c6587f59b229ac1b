import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§10 Recover lists: into the main queue")
struct RecoverWatcherTests {
  private static let tooBig = message(("MsgKey", "t"), ("Body", .text(String(repeating: "x", count: 99))))

  /// A dispatcher whose messages have no subscriptions would delete them: these look at what was put instead.
  private func run(
    _ lists: MemoryRecoverLists, _ harness: EngineHarness, log: any DataLog, patience: Duration = .seconds(30),
    until condition: @escaping @Sendable () -> Bool
  ) async throws {
    var recovery = RecoveryConfiguration()
    recovery.pauses = .milliseconds(1)...(.milliseconds(5))
    recovery.keepAliveInterval = .milliseconds(5)
    recovery.patience = patience
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    var configuration = harness.configuration
    configuration.placementPause = .milliseconds(1)
    let dispatcher = Dispatcher(
      configuration: configuration, queue: harness.queue, pusher: harness.pusher, subscriptions: harness.subscriptions,
      dataLog: log, recoverLists: lists, recovery: recovery, logger: logger)
    let running = Task { try await dispatcher.run() }
    do {
      try await harness.eventually("it is so") { condition() }
    } catch {
      running.cancel()
      try? await running.value
      throw error
    }
    running.cancel()
    try await running.value
    #expect(lists.state.withLock { $0.isClosed })
  }

  private func entry(_ number: UInt8) -> [UInt8] { Value.binary(EngineHarness.message(number)).bytes }

  /// What subscribers got, by message.
  private func pushed(_ harness: EngineHarness) -> Int { harness.pusher.state.withLock { Set($0.bodies).count } }

  @Test func `all entries come into the main queue and are removed, in batches that grow`() async throws {
    let harness = EngineHarness()
    let lists = MemoryRecoverLists((0..<100).map { entry(UInt8($0)) })
    try await run(lists, harness, log: harness.log) {
      pushed(harness) == 100 && lists.state.withLock { $0.inHand.isEmpty }
    }
    let state = lists.state.withLock { $0 }
    #expect(state.entries.isEmpty)
    #expect(state.largestTake > 16)
    #expect(harness.log.records.filter { $0.payload != nil }.isEmpty)
  }

  @Test func `what is no message is recorded with its exact bytes before it is removed`() async throws {
    let harness = EngineHarness()
    let bad: [[UInt8]] = [[0xc1], Value.array([1]).bytes, [], Value.binary([0x05]).bytes]
    let lists = MemoryRecoverLists(bad + [entry(1)])
    try await run(lists, harness, log: harness.log) {
      pushed(harness) == 1 && lists.state.withLock { $0.inHand.isEmpty && $0.entries.isEmpty }
    }
    let records = harness.log.records.filter { $0.kind.rawValue.hasPrefix("RECOVFAIL") }
    #expect(records.filter { $0.kind == .recoverDecodeFailed }.map(\.payload) == [[0xc1], []])
    #expect(
      records.filter { $0.kind == .recoverTypeFailed }.map(\.payload) == [
        Value.array([1]).bytes, Value.binary([0x05]).bytes,
      ])
    #expect(records.allSatisfy { $0.reason?.contains("list l") == true })
  }

  @Test func `while the DATA log can't be written such entries stay, and the others go on`() async throws {
    let harness = EngineHarness()
    let log = GatedLog()
    let lists = MemoryRecoverLists([[0xc1], entry(1), entry(2)])
    try await run(lists, harness, log: log) {
      let isStuck = pushed(harness) == 2 && lists.state.withLock { $0.inHand == [[0xc1]] } && log.refusals > 2
      if isStuck { log.isOpen = true }
      return log.isOpen && lists.state.withLock { $0.inHand.isEmpty }
    }
    #expect(log.records.filter { $0.kind == .recoverDecodeFailed }.map(\.payload) == [[0xc1]])
  }

  @Test func `JOB_TOO_BIG is recorded with the reason and the entry, and is not put back`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { $0.putFaults = [.tooBig] }
    let big = Value.binary(Self.tooBig).bytes
    let lists = MemoryRecoverLists([big])
    try await run(lists, harness, log: harness.log) { lists.state.withLock { $0.inHand.isEmpty && $0.entries.isEmpty } }
    let record = try #require(harness.log.records.first { $0.kind == .recoverPutBackFailed })
    #expect(record.payload == big)
    #expect(record.topic == "t")
    #expect(record.reason?.hasPrefix("JOB_TOO_BIG") == true)
    #expect(!lists.state.withLock { $0.history.contains { $0.hasPrefix("back") } })
  }

  @Test func `what one server refuses another one takes`() async throws {
    let harness = EngineHarness(servers: 2)
    harness.queue.state.withLock { $0.putFaults = [.refused, .unavailable] }
    let lists = MemoryRecoverLists([entry(1)])
    try await run(lists, harness, log: harness.log) { pushed(harness) == 1 }
    #expect(!lists.state.withLock { $0.history.contains { $0.hasPrefix("back") } })
  }

  @Test func `what every server refuses three times goes back to its list, and comes when they take it`() async throws {
    let harness = EngineHarness(servers: 2)
    harness.queue.state.withLock { $0.putFaults = Array(repeating: .refused, count: 6) }
    let lists = MemoryRecoverLists([entry(1)])
    try await run(lists, harness, log: harness.log) {
      pushed(harness) == 1 && lists.state.withLock { $0.inHand.isEmpty }
    }
    #expect(lists.state.withLock { $0.history.first } == "back 1")
    #expect(harness.log.records.allSatisfy { $0.kind != .recoverPutBackFailed })
  }

  @Test func `a list that doesn't take it back makes it a record`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { $0.putFaults = Array(repeating: .refused, count: 3) }
    let lists = MemoryRecoverLists([entry(1)])
    lists.state.withLock { $0.refusesPutBacks = true }
    try await run(lists, harness, log: harness.log) { lists.state.withLock { $0.inHand.isEmpty && $0.entries.isEmpty } }
    let record = try #require(harness.log.records.first { $0.kind == .recoverPutBackFailed })
    #expect(record.payload == entry(1))
    #expect(record.reason?.contains("WRONGTYPE") == true)
  }

  @Test func `while neither queue servers nor lists can be reached it is tried on, then recorded`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { $0.putFaults = Array(repeating: .refused, count: 1_000) }
    let lists = MemoryRecoverLists([entry(1)])
    lists.state.withLock { $0.failsPutBacks = .max }
    try await run(lists, harness, log: harness.log, patience: .milliseconds(50)) {
      lists.state.withLock { $0.inHand.isEmpty && $0.entries.isEmpty }
    }
    let record = try #require(harness.log.records.first { $0.kind == .recoverPutBackFailed })
    #expect(record.payload == entry(1))
    #expect(record.reason?.contains("can't be reached") == true)
    #expect(harness.queue.state.withLock { $0.putFaults.count } < 1_000 - 3)
  }

  @Test func `lists that come back in time take it back, or the queue servers take it`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { $0.putFaults = Array(repeating: .refused, count: 6) }
    let lists = MemoryRecoverLists([entry(1)])
    lists.state.withLock { $0.failsPutBacks = 2 }
    try await run(lists, harness, log: harness.log) {
      pushed(harness) == 1 && lists.state.withLock { $0.inHand.isEmpty }
    }
    #expect(harness.log.records.allSatisfy { $0.kind != .recoverPutBackFailed })
  }

  @Test func `while no queue server can be reached nothing is taken`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { $0.isReachable = [false] }
    let lists = MemoryRecoverLists([entry(1)])
    try await run(lists, harness, log: harness.log) { lists.state.withLock { $0.signs > 3 } }
    #expect(lists.state.withLock { $0.takes } == 0)
    #expect(lists.state.withLock { $0.entries.count } == 1)
  }

  @Test func `lists that are down are asked again, and the rest of the dispatcher doesn't notice`() async throws {
    let harness = EngineHarness()
    let lists = MemoryRecoverLists([entry(1)])
    lists.state.withLock { $0.isDown = true }
    harness.publish([2, 3])
    try await run(lists, harness, log: harness.log) {
      if pushed(harness) == 2 { lists.state.withLock { $0.isDown = false } }
      return pushed(harness) == 3
    }
  }

  @Test func `a removal that fails isn't asked for twice`() async throws {
    let harness = EngineHarness()
    let lists = MemoryRecoverLists([entry(1), entry(2)])
    lists.state.withLock { $0.failsRemovals = 1 }
    try await run(lists, harness, log: harness.log) {
      pushed(harness) == 2 && lists.state.withLock { $0.entries.isEmpty }
    }
    #expect(lists.state.withLock { $0.history.count } == 2)
  }

  @Test func `an unanswered put is put again: twice rather than never`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { $0.putFaults = [.unanswered] }
    let lists = MemoryRecoverLists([entry(1)])
    try await run(lists, harness, log: harness.log) {
      harness.pusher.state.withLock { $0.bodies.count } == 2 && lists.state.withLock { $0.inHand.isEmpty }
    }
  }

  @Test func `entries with their own priority and delay keep them`() async throws {
    let harness = EngineHarness()
    let delayed = message(("MsgKey", "t"), ("Body", 1), ("Delay", 60))
    let lists = MemoryRecoverLists([Value.binary(delayed).bytes])
    try await run(lists, harness, log: harness.log) {
      harness.queue.state.withLock { state in
        state.jobs[0].values.contains { $0.tube == EngineHarness.main && $0.delay == 60 && $0.body == delayed }
      }
    }
  }

  @Test func `large entries make small batches`() async throws {
    let harness = EngineHarness()
    let large = message(("MsgKey", "nobody"), ("Body", .binary([UInt8](repeating: 0, count: 3 << 19))))
    let lists = MemoryRecoverLists(Array(repeating: large, count: 10))
    try await run(lists, harness, log: harness.log) { lists.state.withLock { $0.entries.isEmpty && $0.inHand.isEmpty } }
    #expect(lists.state.withLock { $0.largestTake } == 2)
  }
}

@Suite("§10 Recover lists: what is told")
struct RecoverHealthTests {
  @Test func `each reason is told once in an outage, and the end of it`() {
    var health = RecoverHealth()
    #expect(health.succeeded() == nil)
    #expect(health.failed(StoreError(.unavailable, "a")) == .failed("unavailable: a"))
    #expect(health.failed(StoreError(.busy, "b")) == .failed("busy: b"))
    #expect(health.failed(StoreError(.unavailable, "a")) == nil)
    #expect(!health.isGood)
    for number in 0..<100 { _ = health.failed(StoreError(.busy, "\(number)")) }
    #expect(health.failed(StoreError(.busy, "one more")) == nil)
    #expect(health.latestError == "busy: one more")
    #expect(health.succeeded() == .recovered)
    #expect(health.succeeded() == nil)
    #expect(health.failed(StoreError(.unavailable, "a")) == .failed("unavailable: a"))
  }
}

/// Refuses commits while it is shut.
private final class GatedLog: DataLog {
  private let state = Locked((isOpen: false, refusals: 0, records: [DataRecord]()))

  var isOpen: Bool {
    get { state.withLock { $0.isOpen } }
    set { state.withLock { $0.isOpen = newValue } }
  }
  var refusals: Int { state.withLock { $0.refusals } }
  var records: [DataRecord] { state.withLock { $0.records } }

  func write(_ record: DataRecord) {}

  func commit(_ record: DataRecord) async throws {
    let isOpen = state.withLock { state in
      if state.isOpen { state.records.append(record) } else { state.refusals += 1 }
      return state.isOpen
    }
    if !isOpen { throw CancellationError() }
  }
}
