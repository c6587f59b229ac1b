import Testing

@testable import MEDCore

@Suite("§9 Metrics of a dispatcher, over queues in memory")
struct DispatcherMetricsTests {
  /// Runs `body` beside a running dispatcher.
  private static func run(_ harness: EngineHarness, _ body: (Dispatcher) async throws -> Void) async throws {
    let dispatcher = harness.dispatcher()
    let running = Task { try await dispatcher.run() }
    do { try await body(dispatcher) } catch {
      running.cancel()
      try? await running.value
      throw error
    }
    running.cancel()
    try await running.value
  }

  @Test func `there are none before the run and after it`() async throws {
    let dispatcher = EngineHarness().dispatcher()
    #expect(await dispatcher.metrics() == nil)
    #expect(await dispatcher.pushStatistics() == nil)
  }

  @Test func `what was done, and by whom, is in them`() async throws {
    let harness = EngineHarness(
      servers: 2, subscriptions: 2, answer: { $0.url.contains("/s/2") ? .error500 : .ok })
    harness.publish([1, 2, 3])
    try await Self.run(harness) { dispatcher in
      // Each failing message is pushed three times.
      try await harness.eventually("all have ended") {
        await dispatcher.metrics()?.state.counters.exhausted == 3
      }
      let metrics = try #require(await dispatcher.metrics())
      #expect(metrics.state.pushes.first == ["delivered": 3, "http_5xx": 3])
      #expect(metrics.state.pushes.repeated == ["http_5xx": 6])
      #expect(metrics.state.pushes.durations.count == 12)
      #expect(metrics.state.counters.received == 3 && metrics.state.queueServers.count == 2)
      #expect(metrics.counted == 2 && metrics.leftOut == 0 && metrics.uncounted == 0)
      #expect(metrics.process.residentBytes > 0 && metrics.state.dataLog == nil)
      try await harness.eventually("the second is over, so that the hour has them") {
        await dispatcher.metrics()?.subscriptions.count == 2
      }
      let told = try #require(await dispatcher.metrics()).subscriptions
      #expect(told.map(\.subscription) == [1, 2] && told.allSatisfy { $0.topic == "t" })
      #expect(told.map(\.delivered) == [3, 0] && told.map(\.failed) == [0, 9])
      let statistics = try #require(await dispatcher.pushStatistics())
      #expect(statistics.topics["t"]?[2]?.failuresLastHour == 9 && statistics.topics["t"]?[1]?.pushesLastDay == 3)
    }
  }

  @Test func `what waits for a subscription that pushes nothing is told too`() async throws {
    let harness = EngineHarness()
    harness.pusher.state.withLock { $0.isHeld = true }
    harness.publish([1, 2, 3])
    try await Self.run(harness) { dispatcher in
      try await harness.eventually("it is seen that two wait, and one is pushed") {
        guard let told = await dispatcher.metrics()?.subscriptions.first else { return false }
        return told.channel.inFlight == 1 && told.channel.jobs.ready + told.channel.jobs.buried == 3
      }
      let metrics = try #require(await dispatcher.metrics())
      #expect(metrics.channels.all == 3 && metrics.channels.ageSeconds != nil && metrics.retryChannels.all == 0)
      #expect(metrics.state.queueServers[0].mainQueue.ageSeconds != nil)
      let text = String(decoding: metrics.prometheusText, as: UTF8.self)
      #expect(
        text.contains("medispatcher_subscription_in_flight{topic=\"t\",subscription=\"1\",queue=\"channel\"} 1\n"))
      harness.pusher.state.withLock { $0.isHeld = false }
    }
  }

  @Test func `the busiest subscriptions are told, the rest is counted`() {
    var busiest = BusiestSubscriptions(maximum: 3)
    busiest.offer(1, waiting: 0, pushes: 0)
    for id in 2...9 { busiest.offer(id, waiting: 0, pushes: id) }
    busiest.offer(1_000, waiting: 1, pushes: 0)
    busiest.offer(10, waiting: 0, pushes: 1)
    #expect(busiest.ids == [8, 9, 1_000])
    #expect(busiest.leftOut == 7)
    #expect(DispatcherMetrics.maximumSubscriptions == 1_000)
  }

  @Test func `a scrape waits for no queue server, and asks none`() async throws {
    let harness = EngineHarness(subscriptions: 2)
    // Whoever asks has no answer for as long as this test takes.
    harness.queue.state.withLock { $0.lookDelay = .seconds(3_600) }
    harness.publish([1])
    try await Self.run(harness) { dispatcher in
      try await harness.pushes(2, "both are pushed")
      for _ in 0..<200 { #expect(await dispatcher.metrics() != nil) }
      #expect(harness.queue.state.withLock { $0.serverLooks + $0.tubeLooks } == 0)
    }
  }
}
