import MEDCore
import MEDLoop
import Testing

@Suite("§4 §5 §6 The engine, over queues in memory")
struct EngineTests {
  @Test func `every subscription gets a copy with the same job id, and nothing is left`() async throws {
    let harness = EngineHarness(subscriptions: 2)
    harness.publish(Array(0..<50))
    try await harness.run { $0.total == 0 }
    let urls = harness.pusher.state.withLock { $0.urls }
    #expect(urls.count == 100)
    #expect(Set(urls).count == 100)
    #expect(urls.contains("http://127.0.0.1:9/s/2?jobid=1.000000-7-2&retry_times=0"))
  }

  @Test
  func `a failing push goes to the retry channel and is given up after the last retry, with a record`() async throws {
    let harness = EngineHarness { _ in .error500 }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.map { $0.suffix(1) } } == ["0", "1", "2"])
    let records = harness.log.records.filter { $0.kind == .exhausted }
    #expect(records.count == 1)
    #expect(records.first?.payload != nil)
  }

  @Test func `a topic without subscription is deleted and never pushed`() async throws {
    let harness = EngineHarness()
    harness.publish([1, 2, 3], topic: "u")
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.isEmpty })
  }

  @Test func `a busy topic without subscription costs the store one lookup`() async throws {
    var harness = EngineHarness()
    let store = MemorySubscriptionStore([.make(1, "t")])
    harness.subscriptions = store
    for _ in 0..<5 { harness.publish(Array(0..<100), topic: "u") }
    try await harness.run { $0.total == 0 }
    #expect(await store.lookups == ["u"])
    #expect(harness.log.records.isEmpty)
  }

  @Test func `while a message's own server can't be reached nothing is recorded, and its job is the copy`() async throws
  {
    var harness = EngineHarness(servers: 2)
    harness.configuration.placementPause = .milliseconds(1)
    harness.configuration.parkingPauses = .milliseconds(2)...(.milliseconds(10))
    harness.queue.state.withLock { $0.hungPuts = [0, 1] }
    harness.publish([1])
    try await harness.run {
      try await harness.eventually("the message is taken") { harness.queue.state.withLock { $0.buried } == 1 }
      harness.queue.state.withLock { state in
        state.isReachable[0] = false
        state.putFaults = Array(repeating: .refused, count: 100)
        state.hungPuts = []
      }
      // Three times, and then again and again.
      try await harness.eventually("the other one refuses it") {
        harness.queue.state.withLock { $0.putFaults.count } <= 90
      }
      #expect(harness.queue.state.withLock { $0.total == 1 && $0.buried == 1 })
      #expect(harness.log.records.isEmpty)
      harness.queue.state.withLock { state in
        state.isReachable[0] = true
        state.putFaults = []
      }
      try await harness.eventually("it is delivered") { harness.queue.state.withLock { $0.total } == 0 }
    }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 1)
    #expect(harness.log.records.allSatisfy { $0.kind == .sent })
  }

  @Test func `bytes that are no message are recorded byte for byte, then deleted`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { _ = $0.add([0xC1, 0x00], to: EngineHarness.main) }
    try await harness.run { $0.total == 0 }
    #expect(harness.log.records.map(\.kind) == [.undecodable])
    #expect(harness.log.records.first?.payload == [0xC1, 0x00])
  }

  @Test(arguments: [MemoryQueue.Fault.refused, .tooBig, .unanswered, .unavailable], [0, 1, 2])
  func `a copy that is not confirmed finds another home before the message is deleted`(
    fault: MemoryQueue.Fault, position: Int
  ) async throws {
    let harness = EngineHarness(servers: 2, subscriptions: 3)
    harness.queue.state.withLock { $0.putFaults = Array(repeating: .none, count: position) + [fault] }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    let urls = harness.pusher.state.withLock { Set($0.urls) }
    if fault == .tooBig {
      #expect(urls.count == 2)
      #expect(harness.log.records.filter { $0.kind == .redistributionFailed }.count == 1)
    } else {
      #expect(urls.count == 3)
      #expect(harness.log.records.allSatisfy { $0.kind == .sent })
    }
  }

  @Test func `a copy that no server takes is recorded with the job id set`() async throws {
    let harness = EngineHarness(servers: 2)
    harness.queue.state.withLock { $0.putFaults = Array(repeating: .refused, count: 100) }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    let record = try #require(harness.log.records.first { $0.kind == .redistributionFailed })
    #expect(record.subscription == 1)
    let copy = try Envelope(try #require(record.payload))
    #expect(copy.originJobID == 1)
  }

  @Test func `while the DATA log can't be written nothing is deleted, and other messages go on`() async throws {
    let harness = EngineHarness()
    harness.log.failure = DataLogError(.write, errno: 28)
    harness.queue.state.withLock { _ = $0.add([0xC1], to: EngineHarness.main) }
    harness.publish([1, 2, 3])
    try await harness.run { $0.total == 1 }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 3)
    // The stop has given it back.
    #expect(harness.queue.state.withLock { $0.buried } == 0)
  }

  @Test(arguments: [1, 2, 3]) func `a delete that fails is tried again, and recorded after the third time`(
    failures: Int
  ) async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { $0.deleteFaults = Array(repeating: "broken", count: failures) }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 1)
    #expect(harness.log.records.filter { $0.kind == .deleteFailed }.count == (failures >= 3 ? 1 : 0))
  }

  @Test func `a turn takes 32 jobs at most, however many may be pushed at once`() async throws {
    var harness = EngineHarness(parameters: ["Concurrency": "200"])
    harness.configuration.defaults.maxSendersPerChannel = 200
    for _ in 0..<4 { harness.publish(Array(0..<100)) }
    try await harness.run { $0.total == 0 }
    #expect(harness.queue.state.withLock { $0.largestTake } == 32)
  }

  @Test func `no more pushes run at once than Concurrency allows`() async throws {
    var harness = EngineHarness(parameters: ["Concurrency": "3"])
    harness = EngineHarness(harness, duration: .milliseconds(3))
    harness.publish(Array(0..<40))
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.mostRunning } == 3)
  }

  @Test func `a stop under load leaves nothing buried and loses nothing`() async throws {
    var harness = EngineHarness(subscriptions: 2, parameters: ["Concurrency": "5"])
    harness = EngineHarness(harness, duration: .milliseconds(2))
    harness.publish(Array(0..<100))
    try await harness.run { $0.history.count { $0 == "delete t/sub-queue/1" } > 10 }
    let left = harness.queue.state.withLock { $0 }
    #expect(left.buried == 0)
    let pushed = harness.pusher.state.withLock { Set($0.urls).count }
    let inMain = left.bodies(in: EngineHarness.main).count
    let inChannels = left.bodies(in: EngineHarness.channel1).count + left.bodies(in: EngineHarness.channel2).count
    #expect(pushed + inChannels + 2 * inMain == 200)
    #expect(harness.pusher.state.withLock { $0.urls.count } == pushed)
  }

  @Test
  func `a DATA log that hangs delays a stop no longer than a push may take, and its job goes back`() async throws {
    var harness = EngineHarness()
    harness.configuration.defaults.maxProcessTimeoutMilliseconds = 50
    harness.queue.state.withLock { _ = $0.add([0xC1], to: EngineHarness.main) }
    let log = HangingLog()
    try await harness.run(over: log) {
      try await harness.eventually("hangs") { log.isAsked.withLock { $0 } }
    }
    #expect(harness.queue.state.withLock { $0.total == 1 && $0.buried == 0 })
  }

  @Test func `jobs that nobody announced are found`() async throws {
    let harness = EngineHarness()
    harness.queue.state.withLock { state in
      for number in 0..<5 { _ = state.add(EngineHarness.message(UInt8(number)), to: EngineHarness.channel1) }
      _ = state.add(EngineHarness.message(9), to: EngineHarness.retry1)
      _ = state.add(EngineHarness.message(9), to: TubeName("somebody/else")!)
    }
    try await harness.run { $0.total == 1 }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 6)
  }

  @Test func `while the store is down messages wait, and none is dropped`() async throws {
    var harness = EngineHarness()
    let store = FlakyStore(failures: 3, harness.subscriptions)
    harness.subscriptions = store
    harness.publish([1, 2, 3])
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 3)
  }
}

extension EngineHarness {
  init(_ other: EngineHarness, duration: Duration) {
    queue = other.queue
    pusher = ScriptedPusher(other.pusher.answer, duration: duration)
    configuration = other.configuration
    subscriptions = other.subscriptions
  }
}

/// Answers long after everybody has gone.
final class HangingLog: DataLog {
  let isAsked = Locked(false)

  func write(_ record: DataRecord) {}

  func commit(_ record: DataRecord) async throws {
    isAsked.withLock { $0 = true }
    try await Task.sleep(for: .seconds(3))  // why: it is a log that hangs
  }
}

/// Fails so often, then answers.
final class FlakyStore: SubscriptionStore {
  private let failures: Locked<Int>
  private let store: any SubscriptionStore

  init(failures: Int, _ store: any SubscriptionStore) {
    self.failures = Locked(failures)
    self.store = store
  }

  private func fail() throws {
    let isDown = failures.withLock { left in
      left -= 1
      return left >= 0
    }
    if isDown { throw StoreError(.unavailable, "down") }
  }

  func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot? {
    try fail()
    return try await store.subscriptions(changedSince: version)
  }

  func subscriptions(ofTopic topic: String) async throws -> [Subscription] {
    try fail()
    return try await store.subscriptions(ofTopic: topic)
  }
}
