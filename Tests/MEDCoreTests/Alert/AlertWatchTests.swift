import MEDLoop
import Testing

@testable import MEDCore

@Suite("§15 What raises alerts")
struct AlertWatchTests {
  /// A dispatcher whose alerts all go to one gateway.
  private struct Scene {
    let platform = ScriptedGateway()
    let alerts: Alerts
    var harness: EngineHarness

    init(
      servers: Int = 1, subscriptions: Int = 1, _ parameters: [String: String] = [:],
      mainQueueThreshold: Int = 0,
      answer: @escaping @Sendable (PushRequest) -> PushAnswer = { _ in .error500 }
    ) {
      var settings = AlertSettings()
      settings.receiver = "ops"
      settings.mainQueueBlockedThreshold = mainQueueThreshold
      alerts = Alerts(.init(alarmPlatform: platform), settings: settings)
      harness = EngineHarness(
        servers: servers, subscriptions: subscriptions, parameters: parameters, answer: answer)
      harness.alerts = alerts
    }

    func run(_ body: () async throws -> Void) async throws {
      try await alerts.whileRunning { try await harness.run { try await body() } }
    }

    var raised: [Alert] { platform.parcels.map(\.alert) }
    func raised(_ kind: Alert.Kind) -> [Alert] { raised.filter { $0.kind == kind } }

    func fill(_ tube: TubeName, _ count: Int, server: Int = 0) {
      harness.queue.state.withLock { state in
        for _ in 0..<count { _ = state.add(EngineHarness.message(1), to: tube, server: server) }
      }
    }
  }

  /// Thresholds that nothing reaches.
  private static let quiet = [
    "SubscriptionTotalFailureAlertThreshold": "1000000", "MessageFailureAlertThreshold": "1000000",
    "MessageBlockedAlertThreshold": "1000000",
  ]

  private static func quiet(but parameters: [String: String]) -> [String: String] {
    quiet.merging(parameters) { $1 }
  }

  private static func all(_ harness: EngineHarness) -> @Sendable () -> Bool {
    { [queue = harness.queue] in queue.state.withLock { $0.total == 0 } }
  }

  @Test func `a subscription that fails as often as its threshold raises one alert, and others don't`() async throws {
    let scene = Scene(
      subscriptions: 2, Self.quiet(but: ["SubscriptionTotalFailureAlertThreshold": "10"])
    ) { $0.url.contains("/s/2") ? .ok : .error500 }
    try await scene.run {
      // Each is pushed three times.
      scene.harness.publish(Array(0..<3))
      try await scene.harness.eventually("nine pushes have failed") { Self.all(scene.harness)() }
      #expect(scene.raised.isEmpty)
      scene.harness.publish(Array(3..<20))
      try await scene.harness.eventually("it is raised") { !scene.raised.isEmpty }
      try await scene.harness.eventually("all are given up") { Self.all(scene.harness)() }
    }
    #expect(scene.raised.map(\.kind) == [.subscriptionFails])
    #expect(scene.raised.first?.subscription == 1)
    #expect(scene.raised.first?.content.contains("10 pushes failed within 180 s; alerts begin at 10.") == true)
  }

  @Test func `a message that was retried as often as its threshold raises one, at its first push never`() async throws {
    let scene = Scene(Self.quiet(but: ["MessageFailureAlertThreshold": "0"]))
    try await scene.run {
      scene.harness.publish([1])
      try await scene.harness.eventually("it is given up") { Self.all(scene.harness)() }
      try await scene.harness.eventually("it is raised") { !scene.raised.isEmpty }
    }
    #expect(scene.raised.map(\.kind) == [.messageFails])
    #expect(scene.raised.first?.content.contains("so did 1 retry of it; alerts begin at 1.") == true)
  }

  @Test func `with a threshold above the retries there are none`() async throws {
    let scene = Scene(Self.quiet(but: ["MessageFailureAlertThreshold": "3"]))
    try await scene.run {
      scene.harness.publish([1, 2, 3])
      try await scene.harness.eventually("all are given up") { Self.all(scene.harness)() }
    }
    #expect(scene.raised.isEmpty && scene.alerts.condition.raised == 0)
  }

  @Test func `a channel that is fuller than its threshold raises one, over all queue servers`() async throws {
    let scene = Scene(servers: 2, Self.quiet(but: ["MessageBlockedAlertThreshold": "15", "Concurrency": "1"])) { _ in
      .ok
    }
    scene.harness.pusher.state.withLock { $0.isHeld = true }
    scene.fill(EngineHarness.channel1, 10, server: 0)
    scene.fill(EngineHarness.channel1, 10, server: 1)
    try await scene.run {
      try await scene.harness.eventually("it is raised") { !scene.raised.isEmpty }
      scene.harness.pusher.state.withLock { $0.isHeld = false }
      try await scene.harness.eventually("all are pushed") { Self.all(scene.harness)() }
    }
    #expect(scene.raised.map(\.kind) == [.channelBlocked] && scene.raised.first?.subscription == 1)
    #expect(scene.raised.first?.subject.hasSuffix("messages wait in its channel") == true)
  }

  @Test func `so does a retry channel, and what is delayed there doesn't count`() async throws {
    let scene = Scene(Self.quiet(but: ["MessageBlockedAlertThreshold": "5", "ConcurrencyOfRetry": "1"])) { _ in .ok }
    scene.harness.pusher.state.withLock { $0.isHeld = true }
    scene.harness.queue.state.withLock { state in
      for _ in 0..<20 { _ = state.add(EngineHarness.message(1), to: EngineHarness.retry1, delay: 3_600) }
    }
    try await scene.run {
      try await scene.harness.eventually("it was looked at") {
        scene.harness.queue.state.withLock { $0.tubeLooks > 1 }
      }
      #expect(scene.raised.isEmpty)
      scene.fill(EngineHarness.retry1, 20)
      try await scene.harness.eventually("it is raised") { !scene.raised.isEmpty }
      scene.harness.pusher.state.withLock { $0.isHeld = false }
    }
    #expect(scene.raised.map(\.kind) == [.channelBlocked])
    #expect(scene.raised.first?.subject.hasSuffix("messages wait in its retry channel") == true)
  }

  @Test func `all channels together raise one above their threshold, which may change at any time`() async throws {
    let scene = Scene(subscriptions: 2, Self.quiet(but: ["Concurrency": "1"])) { _ in
      .ok
    }
    scene.harness.pusher.state.withLock { $0.isHeld = true }
    scene.fill(EngineHarness.channel1, 10)
    scene.fill(EngineHarness.channel2, 10)
    try await scene.run {
      try await scene.harness.eventually("both were looked at") {
        scene.harness.queue.state.withLock { $0.tubeLooks > 3 }
      }
      #expect(scene.raised.isEmpty)
      var settings = scene.alerts.settings
      // More than one of them has.
      settings.globalBlockedThreshold = 12
      scene.alerts.configure(settings)
      try await scene.harness.eventually("it is raised") { !scene.raised.isEmpty }
      scene.harness.pusher.state.withLock { $0.isHeld = false }
    }
    #expect(scene.raised.map(\.kind) == [.allChannelsBlocked] && scene.raised.first?.subscription == nil)
  }

  @Test func `a main queue above its threshold raises one, however long it stays so`() async throws {
    var scene = Scene(mainQueueThreshold: 5) { _ in .ok }
    let main = TubeName("elsewhere")!
    scene.harness.configuration = DispatcherConfiguration(mainQueue: main)
    // Nothing is taken from it.
    scene.harness.queue.state.withLock { $0.hungTakes = [0] }
    scene.fill(main, 6)
    let queue = scene.harness.queue
    try await scene.run {
      try await scene.harness.eventually("it is raised") { !scene.raised.isEmpty }
      let looks = queue.state.withLock { $0.serverLooks }
      try await scene.harness.eventually("it is looked at again") {
        queue.state.withLock { $0.serverLooks } > looks + 1
      }
      queue.state.withLock { $0.hungTakes = [] }
    }
    #expect(scene.raised.map(\.kind) == [.mainQueueBlocked])
    #expect(scene.raised.first?.subject.hasSuffix("6 messages wait in the main queue elsewhere") == true)
  }

  @Test(arguments: [["AlerterEnabled": "0"], ["ReceptionUri": "[T_ENV:other]http://127.0.0.1:9/x"]])
  func `AlerterEnabled and a missing URL silence what is about the subscription`(
    silence: [String: String]
  ) async throws {
    let parameters = [
      "SubscriptionTotalFailureAlertThreshold": "1", "MessageFailureAlertThreshold": "1",
      "MessageBlockedAlertThreshold": "0", "Concurrency": "1",
    ]
    let scene = Scene(parameters.merging(silence) { $1 })
    scene.fill(EngineHarness.channel1, 20)
    scene.fill(EngineHarness.retry1, 20)
    try await scene.run {
      try await scene.harness.eventually("all are given up, or dropped") { Self.all(scene.harness)() }
    }
    #expect(scene.raised.isEmpty && scene.alerts.condition.raised == 0)
  }

  @Test func `what would have been an alert is counted`() async throws {
    let scene = Scene(Self.quiet(but: ["SubscriptionTotalFailureAlertThreshold": "1"]))
    try await scene.alerts.whileRunning {
      let dispatcher = scene.harness.dispatcher()
      let running = Task { try await dispatcher.run() }
      scene.harness.publish([1, 2, 3])
      try await scene.harness.eventually("all are given up") { Self.all(scene.harness)() }
      try await scene.harness.eventually("one was sent") { scene.alerts.condition.sent == 1 }
      let state = await dispatcher.state()
      #expect(state?.alerts?.suppressed == 8 && state?.alerts?.raised == 1 && state?.alerts?.sent == 1)
      running.cancel()
      try await running.value
    }
  }

  @Test func `pushes that are delivered leave nothing behind`() async throws {
    let scene = Scene { _ in .ok }
    let dispatcher = scene.harness.dispatcher()
    let running = Task { try await dispatcher.run() }
    scene.harness.publish(Array(0..<100))
    try await scene.harness.eventually("all are delivered") { Self.all(scene.harness)() }
    #expect(await dispatcher.runner.door.enter { $0.context.alerts?.watched } == 0)
    running.cancel()
    try await running.value
  }
}
