import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§17 DebugAddr: the state of a dispatcher, over queues in memory")
struct DispatcherStateTests {
  private static func dispatcher(_ harness: EngineHarness, _ pusher: (any Pusher)? = nil) -> Dispatcher {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return Dispatcher(
      configuration: harness.configuration, queue: harness.queue, pusher: pusher ?? harness.pusher,
      subscriptions: harness.subscriptions, dataLog: harness.log, logger: logger)
  }

  /// Runs `body` beside a running dispatcher.
  private static func run(_ dispatcher: Dispatcher, _ body: () async throws -> Void) async throws {
    let running = Task { try await dispatcher.run() }
    do { try await body() } catch {
      running.cancel()
      try? await running.value
      throw error
    }
    running.cancel()
    try await running.value
  }

  @Test func `there is none before the run and after it`() async throws {
    let harness = EngineHarness()
    let dispatcher = Self.dispatcher(harness)
    #expect(await dispatcher.state() == nil)
    try await Self.run(dispatcher) {
      try await harness.eventually("it runs") { await dispatcher.state() != nil }
    }
    #expect(await dispatcher.state() == nil)
  }

  @Test func `it counts what was done and names what there is`() async throws {
    let harness = EngineHarness(servers: 2, subscriptions: 2)
    harness.publish([1, 2, 3])
    let dispatcher = Self.dispatcher(harness)
    try await Self.run(dispatcher) {
      try await harness.eventually("all is settled") {
        guard let state = await dispatcher.state() else { return false }
        return state.counters.delivered == 6 && state.queueServers.reduce(0) { $0 + $1.deleted } == 9
      }
      let state = try #require(await dispatcher.state())
      #expect(state.counters.received == 3)
      #expect(state.counters.copies == 6)
      #expect(state.directory.subscriptions == 2)
      #expect(state.directory.topics == 1)
      #expect(state.directory.secondsSinceRefresh != nil)
      #expect(state.directory.storeError == nil)
      #expect(state.queueServers.count == 2)
      #expect(state.queueServers.allSatisfy { $0.isReachable })
      #expect(state.residentBytes > 0)
      #expect(state.time > 1_700_000_000)
      #expect(!state.isStopping)
    }
  }

  @Test func `a lane tells what it has in hand, and what became of its pushes`() async throws {
    let harness = EngineHarness(
      subscriptions: 2, parameters: ["Concurrency": "2"],
      answer: { $0.url.contains("/s/2") ? .error500 : .ok })
    let slow = ScriptedPusher(harness.pusher.answer, duration: .milliseconds(300))
    harness.publish(Array(0..<40))
    let dispatcher = Self.dispatcher(harness, slow)
    try await Self.run(dispatcher) {
      try await harness.eventually("both channels are awake, and a whole second has passed") {
        guard let state = await dispatcher.state(), state.lanes.awake >= 2 else { return false }
        let lane = state.lanes.listed.first { $0.subscription == 2 && $0.kind == .channel }
        return lane?.rates.failuresLast10Seconds ?? 0 > 0 && state.rates.pushesLast10Seconds > 0
      }
      let state = try #require(await dispatcher.state())
      let lane = try #require(state.lanes.listed.first { $0.subscription == 1 && $0.kind == .channel })
      #expect(lane.topic == "t")
      #expect(lane.concurrency == 2)
      #expect(lane.inFlight <= 2)
      #expect(lane.rates.failuresLast10Seconds == 0)
      #expect(lane.rates.pushesLast10Seconds > 0)
      #expect(state.lanes.inFlight >= lane.inFlight)
      #expect(state.rates.failuresLast10Seconds <= state.rates.pushesLast10Seconds)
    }
  }

  @Test func `many may ask at once, while messages go on`() async throws {
    let harness = EngineHarness(subscriptions: 3)
    let dispatcher = Self.dispatcher(harness)
    try await Self.run(dispatcher) {
      try await harness.eventually("it runs") { await dispatcher.state() != nil }
      harness.publish(Array(0..<60))
      let states = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<200 { group.addTask { await dispatcher.state() != nil } }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(states == 200)
      try await harness.pushes(180, "all are pushed")
    }
  }

  @Test func `the busiest lanes are listed, the rest is counted`() async throws {
    let loop = try EventLoop.start(name: "test")
    defer { loop.stop() }
    let harness = EngineHarness()
    await LoopActor(loop: loop).run { actor in
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      let directory = SubscriptionDirectory(store: harness.subscriptions, logger: logger)
      let context = EngineContext(
        configuration: harness.configuration, actor: actor, dataLog: harness.log, directory: directory, logger: logger)
      context.open(harness.queue)
      // Those that can't take anything keep what was announced.
      context.desks[0].turns.stop()
      let lanes = (0..<1200).map { id in
        let subscription = Subscription(id: id, topic: "t", receptionChannel: "http://127.0.0.1:9/")
        let lane = Lane(
          .channel, SubscribedChannel.make(subscription, ChannelRules()).channel,
          tube: EngineHarness.channel1, context, retryLane: { _ in nil })
        lane.announce(id == 700 ? 10 : id == 3 ? 20 : 0, at: 0)
        return lane
      }
      lanes[900].countPush(isFailure: false)
      let few = await LaneListing.list(lanes, at: 1, atMost: 3)
      #expect(few.awake == 1200)
      #expect(few.listed.map(\.subscription) == [3, 700, 900])
      #expect(few.unlisted == 1197)
      let all = await LaneListing.list(lanes, at: 1)
      #expect(all.listed.count == 1200)
      #expect(all.unlisted == 0)
      #expect(all.listed[0].announced == 20)
    }
  }
}
