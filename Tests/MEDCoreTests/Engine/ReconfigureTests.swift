import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§16 A changed configuration while the dispatcher runs")
struct ReconfigureTests {
  private static func dispatcher(_ harness: EngineHarness) -> Dispatcher {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return Dispatcher(
      configuration: harness.configuration, queue: harness.queue, pusher: harness.pusher,
      subscriptions: harness.subscriptions, dataLog: harness.log, logger: logger)
  }

  /// Runs `dispatcher` for as long as `body` takes.
  private static func run(_ dispatcher: Dispatcher, _ body: () async throws -> Void) async throws {
    let running = Task { try await dispatcher.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    running.cancel()
    try await running.value
    try result.get()
  }

  @Test func `the default Concurrency counts for a lane that runs, and for no subscription with its own`() async throws
  {
    let running = Locked((first: 0, second: 0))
    var harness = EngineHarness(subscriptions: 1)
    harness.subscriptions = FixedSubscriptions([
      Subscription(id: 1, topic: "t", receptionChannel: "http://127.0.0.1:9/s/1"),
      Subscription(id: 2, topic: "t", receptionChannel: "http://127.0.0.1:9/s/2", parameters: ["Concurrency": "2"]),
    ])
    let slow = SlowPusher { request, isBegin in
      running.withLock { state in
        if request.url.contains("/s/1?") { state.first += isBegin ? 1 : -1 } else { state.second += isBegin ? 1 : -1 }
      }
    }
    let dispatcher = Dispatcher(
      configuration: harness.configuration, queue: harness.queue, pusher: slow, subscriptions: harness.subscriptions,
      dataLog: harness.log)
    harness.publish(Array(0..<40))
    try await Self.run(dispatcher) {
      try await harness.eventually("as many as allowed") { running.withLock { $0 == (1, 2) } }
      var changed = harness.configuration
      changed.defaults.sendersPerChannel = 7
      await dispatcher.reconfigure(changed)
      try await harness.eventually("as many as allowed now") { running.withLock { $0 == (7, 2) } }
      slow.release()
      try await harness.eventually("all is pushed") { harness.queue.state.withLock { $0.total == 0 } }
    }
    #expect(slow.pushes == 80)
  }

  @Test func `a changed retry schedule counts for the next failure`() async throws {
    var harness = EngineHarness(answer: { _ in .error500 })
    harness.configuration.retrySchedule = RetrySchedule(coefficient: 0, maximumRetries: 1_000_000)
    let dispatcher = Self.dispatcher(harness)
    harness.publish([1])
    try await Self.run(dispatcher) {
      try await harness.pushes(5, "is retried")
      var changed = harness.configuration
      changed.retrySchedule.maximumRetries = 1
      await dispatcher.reconfigure(changed)
      try await harness.eventually("is given up") { harness.log.records.contains { $0.kind == .exhausted } }
    }
  }

  @Test func `sent records begin and end with a change`() async throws {
    var harness = EngineHarness()
    harness.configuration.logsSentMessages = false
    let dispatcher = Self.dispatcher(harness)
    harness.publish([1])
    try await Self.run(dispatcher) {
      try await harness.pushes(1, "pushed")
      #expect(harness.log.records.isEmpty)
      var changed = harness.configuration
      changed.logsSentMessages = true
      await dispatcher.reconfigure(changed)
      harness.publish([2])
      try await harness.eventually("recorded") { harness.log.records.count == 1 }
      await dispatcher.reconfigure(harness.configuration)
      harness.publish([3])
      try await harness.pushes(3, "pushed")
    }
    #expect(harness.log.records.map(\.kind) == [.sent])
  }

  @Test func `what isn't live stays as it was at the start`() async throws {
    let harness = EngineHarness()
    let dispatcher = Self.dispatcher(harness)
    try await Self.run(dispatcher) {
      var changed = DispatcherConfiguration(mainQueue: TubeName("elsewhere")!)
      changed.channelPrefix = "other/"
      changed.defaults.sendersPerChannel = 3
      harness.publish([1])
      try await harness.pushes(1, "it runs")
      await dispatcher.reconfigure(changed)
      harness.publish([2])
      try await harness.pushes(2, "from the main queue of the start")
      #expect(harness.queue.state.withLock { $0.history.contains { "\($0)".contains("t/sub-queue/1") } })
      #expect(harness.queue.state.withLock { !$0.history.contains { "\($0)".contains("other/") } })
    }
  }

  @Test func `before it runs and after its end nobody waits, and it starts with the newest`() async throws {
    var harness = EngineHarness(answer: { _ in .error500 })
    harness.configuration.retrySchedule = RetrySchedule(coefficient: 0, maximumRetries: 1_000_000)
    let dispatcher = Self.dispatcher(harness)
    var changed = harness.configuration
    changed.retrySchedule.maximumRetries = 0
    await dispatcher.reconfigure(changed)
    harness.publish([1])
    try await Self.run(dispatcher) {
      try await harness.eventually("is given up") { harness.log.records.contains { $0.kind == .exhausted } }
    }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 1)
    await dispatcher.reconfigure(harness.configuration)
  }

  @Test func `changes without end under load lose nothing and push nothing twice`() async throws {
    var harness = EngineHarness(servers: 2, subscriptions: 3)
    harness.configuration.refreshInterval = .milliseconds(1)
    let dispatcher = Self.dispatcher(harness)
    let first = harness.configuration
    let isOver = Locked(false)
    try await Self.run(dispatcher) {
      // Without a dispatcher that runs they would never wait, and take Swift's pool for themselves.
      try await harness.eventually("it runs") { await dispatcher.state() != nil }
      defer { isOver.withLock { $0 = true } }
      let changers = (0..<3).map { number in
        Task {
          var changed = first
          var round = 0
          while !isOver.withLock({ $0 }) {
            round += 1
            changed.defaults.sendersPerChannel = 1 + round % 10
            changed.defaults.intervalOfSendingMilliseconds = round % 7 == number ? 1 : 0
            changed.receptionEnvironment = round % 2 == 0 ? "a" : ""
            changed.refreshInterval = .milliseconds(1 + round % 3)
            await dispatcher.reconfigure(changed)
          }
          await dispatcher.reconfigure(first)
        }
      }
      for start in stride(from: 0, to: 120, by: 10) {
        harness.publish((start..<start + 10).map { UInt8($0) })
        try await harness.pushes((start + 1) * 3, "pushed on")
      }
      isOver.withLock { $0 = true }
      for changer in changers { await changer.value }
      try await harness.eventually("all is pushed") { harness.queue.state.withLock { $0.total == 0 } }
    }
    let urls = harness.pusher.state.withLock { $0.urls }
    #expect(urls.count == 360)
    #expect(Set(urls).count == 360)
    #expect(harness.log.records.allSatisfy { $0.kind == .sent })
  }

  @Test func `a refresh interval that gets shorter counts at once`() async throws {
    let store = MemorySubscriptionStore([])
    var harness = EngineHarness()
    harness.subscriptions = store
    harness.configuration.refreshInterval = .seconds(3600)
    let dispatcher = Self.dispatcher(harness)
    try await Self.run(dispatcher) {
      try await harness.eventually("started") { await store.refreshes >= 1 }
      var changed = harness.configuration
      changed.refreshInterval = .milliseconds(5)
      await dispatcher.reconfigure(changed)
      let before = await store.refreshes
      try await harness.eventually("refreshed again and again") { await store.refreshes >= before + 5 }
    }
  }
}

/// Holds all pushes until it is told, and tells of their begin and end.
private final class SlowPusher: Pusher {
  private let state = Locked((isReleased: false, pushes: 0))
  private let observe: @Sendable (PushRequest, Bool) -> Void

  init(_ observe: @escaping @Sendable (PushRequest, Bool) -> Void) { self.observe = observe }

  var pushes: Int { state.withLock { $0.pushes } }

  func release() { state.withLock { $0.isReleased = true } }

  func open(on actor: isolated LoopActor) -> any PushSession { Session(pusher: self, loop: actor.loop) }

  private final class Session: PushSession {
    let pusher: SlowPusher
    let loop: EventLoop

    init(pusher: SlowPusher, loop: EventLoop) {
      self.pusher = pusher
      self.loop = loop
    }

    func push(_ request: PushRequest) async -> PushAnswer {
      pusher.observe(request, true)
      while !pusher.state.withLock({ $0.isReleased }) { try? await loop.sleep(for: .milliseconds(1)) }
      pusher.state.withLock { $0.pushes += 1 }
      pusher.observe(request, false)
      return .ok
    }

    func close() async {}
  }
}
