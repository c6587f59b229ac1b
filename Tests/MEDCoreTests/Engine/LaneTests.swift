import MEDLoop
import Testing

@testable import MEDCore

@Suite("§5 §7 Lanes, over queues in memory")
struct LaneTests {
  private static func subscription(_ topic: String = "t", _ parameters: [String: String] = [:]) -> Subscription {
    Subscription(id: 1, topic: topic, receptionChannel: "http://127.0.0.1:9/s/1", parameters: parameters)
  }

  private static func harness(
    _ store: MemorySubscriptionStore, servers: Int = 1,
    answer: @escaping @Sendable (PushRequest) -> PushAnswer = { _ in .ok }
  ) -> EngineHarness {
    var harness = EngineHarness(servers: servers, answer: answer)
    harness.subscriptions = store
    harness.configuration.refreshInterval = .milliseconds(5)
    return harness
  }

  private static func add(_ count: Int, to tube: TubeName, of harness: EngineHarness, server: Int = 0) {
    harness.queue.state.withLock { state in
      for number in 0..<count { _ = state.add(EngineHarness.message(UInt8(number)), to: tube, server: server) }
    }
  }

  /// Puts a state of the store in force.
  private static func set(
    _ subscriptions: [Subscription], _ store: MemorySubscriptionStore, _ harness: EngineHarness
  ) async throws {
    await store.set(subscriptions)
    let before = await store.refreshes
    try await harness.eventually("refreshed") { await store.refreshes >= before + 3 }
  }

  @Test func `a subscription that was cancelled and comes back is served again`() async throws {
    let store = MemorySubscriptionStore([Self.subscription()])
    let harness = Self.harness(store)
    harness.publish([1])
    try await harness.run {
      try await harness.pushes(1, "served")
      try await Self.set([], store, harness)
      Self.add(3, to: EngineHarness.channel1, of: harness)
      try await Self.set([Self.subscription()], store, harness)
      try await harness.pushes(4, "served again")
    }
  }

  @Test func `a subscription whose topic changes is served from its new channel, however busy it is`() async throws {
    let store = MemorySubscriptionStore([Self.subscription()])
    let harness = Self.harness(store)
    harness.publish([1])
    try await harness.run {
      try await harness.pushes(1, "served")
      try await Self.set([Self.subscription("v")], store, harness)
      for number in 2..<30 {
        harness.publish([UInt8(number)], topic: "v")
        try await harness.pushes(number, "served from the new channel")
      }
    }
  }

  @Test func `what a cancelled subscription has in flight is finished, and what waits goes back`() async throws {
    let store = MemorySubscriptionStore([Self.subscription("t", ["Concurrency": "2"])])
    let harness = EngineHarness(Self.harness(store), duration: .milliseconds(100))
    harness.publish(Array(0..<10))
    try await harness.run {
      try await harness.pushes(1, "in flight")
      try await Self.set([], store, harness)
      try await harness.eventually("settled") { harness.queue.state.withLock { $0.buried == 0 } }
    }
    let pushed = harness.pusher.state.withLock { $0.urls.count }
    #expect(harness.queue.state.withLock { $0.bodies(in: EngineHarness.channel1).count } == 10 - pushed)
    #expect(harness.queue.state.withLock { $0.held[EngineHarness.channel1] } == 0)
  }

  @Test func `while takes hang on one queue server the jobs of another are pushed`() async throws {
    let store = MemorySubscriptionStore([Self.subscription()])
    let harness = Self.harness(store, servers: 2)
    harness.queue.state.withLock { $0.hungTakes = [0] }
    Self.add(5, to: EngineHarness.channel1, of: harness, server: 0)
    Self.add(5, to: EngineHarness.channel1, of: harness, server: 1)
    try await harness.run {
      try await harness.pushes(5, "those of the other")
      harness.queue.state.withLock { $0.hungTakes = [] }
      try await harness.pushes(10, "all")
    }
    #expect(harness.queue.state.withLock { $0.buried } == 0)
  }

  @Test func `while puts hang on one queue server the main queue of another is served`() async throws {
    let store = MemorySubscriptionStore([Self.subscription()])
    let harness = Self.harness(store, servers: 2)
    harness.queue.state.withLock { $0.hungPuts = [1] }
    try await harness.run {
      harness.publish([1])
      try await harness.eventually("taken") { harness.queue.state.withLock { $0.buried == 1 } }
      for number in 2...6 {
        harness.publish([UInt8(number)])
        // The one whose copy hangs is the only one that waits.
        try await harness.pushes(number - 1, "all others")
      }
      harness.queue.state.withLock { $0.hungPuts = [] }
      try await harness.eventually("all") { harness.queue.state.withLock { $0.total == 0 } }
    }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 6)
  }

  @Test func `a retry lane that waits for its own delays finds what others put`() async throws {
    let store = MemorySubscriptionStore([Self.subscription()])
    var harness = Self.harness(store) { $0.url.contains("-1&retry_times=0") ? .error500 : .ok }
    harness.configuration.retrySchedule = RetrySchedule(coefficient: 1000, maximumRetries: 5)
    harness.publish([1])
    let started = harness
    try await started.run {
      try await started.eventually("in the retry channel") {
        started.queue.state.withLock { $0.history.contains("delete t/sub-queue/1") }
      }
      Self.add(3, to: EngineHarness.retry1, of: started)
      try await started.pushes(4, "those of others")
    }
    #expect(started.queue.state.withLock { $0.total } == 1)
  }

  @Test func `pushes of a channel start no closer than its interval, and a change counts at once`() async throws {
    let store = MemorySubscriptionStore([Self.subscription("t", ["IntervalOfSending": "40", "Concurrency": "5"])])
    let harness = Self.harness(store)
    let published = ContinuousClock.now
    harness.publish(Array(0..<10))
    try await harness.run {
      try await harness.pushes(4, "paced")
      // However late the first was.
      for (number, start) in harness.pusher.state.withLock({ $0.starts }).enumerated() {
        #expect(start - published >= .milliseconds(40) * number)
      }
      try await Self.set([Self.subscription("t", ["IntervalOfSending": "60000"])], store, harness)
      let before = harness.pusher.state.withLock { $0.urls.count }
      try await Self.set([Self.subscription("t", ["IntervalOfSending": "60000", "AckMode": "http"])], store, harness)
      #expect(harness.pusher.state.withLock { $0.urls.count } == before)
      try await Self.set([Self.subscription()], store, harness)
      try await harness.pushes(10, "not paced any more")
    }
  }

  @Test func `a raised concurrency is in force at once`() async throws {
    let store = MemorySubscriptionStore([Self.subscription()])
    let harness = EngineHarness(Self.harness(store), duration: .milliseconds(20))
    harness.publish(Array(0..<60))
    try await harness.run {
      try await harness.pushes(2, "one at a time")
      #expect(harness.pusher.state.withLock { $0.mostRunning } == 1)
      try await Self.set([Self.subscription("t", ["Concurrency": "5"])], store, harness)
      try await harness.eventually("five at a time") { harness.pusher.state.withLock { $0.mostRunning } == 5 }
    }
  }

  @Test func `busy lanes take in turn`() async throws {
    let harness = EngineHarness(subscriptions: 3)
    harness.publish(Array(0..<30))
    try await harness.run { $0.total == 0 }
    let urls = harness.pusher.state.withLock { $0.urls }
    for subscription in 1...3 {
      let half = urls.prefix(45).count { $0.contains("/s/\(subscription)?") }
      #expect(half >= 8, "in the first half of the pushes")
    }
  }

  @Test func `a stopped dispatcher holds nothing and asks nobody`() async throws {
    weak var store: MemorySubscriptionStore?
    weak var pusher: ScriptedPusher?
    do {
      let held = MemorySubscriptionStore([Self.subscription()])
      let harness = Self.harness(held)
      store = held
      pusher = harness.pusher
      harness.publish([1, 2, 3])
      try await harness.run { $0.total == 0 }
    }
    try await EngineHarness().eventually("released") { store == nil && pusher == nil }
  }
}
