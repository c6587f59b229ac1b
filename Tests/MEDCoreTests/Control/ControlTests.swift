import Foundation
import Logging
import Testing

@testable import MEDCore

@Suite("§8 Commands: what they do")
struct ControlTests {
  private static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  /// A dispatcher with a subscription 1 of topic t, a cancelled one 2, for as long as `body` takes.
  private func run(
    _ parameters: [String: String] = [:], maxSenders: Int = 500, cleaner: (any QueueCleaner)? = nil,
    answer: @escaping @Sendable (PushRequest) -> PushAnswer = { _ in .ok },
    _ body: (Control, MemorySubscriptionEditor, EngineHarness) async throws -> Void
  ) async throws {
    let store = MemorySubscriptionEditor(
      [Self.subscription(1, parameters)], cancelled: [Self.subscription(2, ["Concurrency": "3"])])
    var harness = EngineHarness(answer: answer)
    harness.subscriptions = store
    harness.configuration.defaults.maxSendersPerChannel = maxSenders
    harness.configuration.refreshInterval = .seconds(3600)
    let dispatcher = harness.dispatcher()
    let control = Control(
      dispatcher, store: store, queueServers: [QueueServerAddress(host: "q")], cleaner: cleaner, logger: Self.silent)
    let running = Task { try await dispatcher.run() }
    defer { running.cancel() }
    try await harness.eventually("it runs") { await dispatcher.state()?.directory.subscriptions == 1 }
    try await body(control, store, harness)
    running.cancel()
    try await running.value
  }

  private static func subscription(_ id: Int, _ parameters: [String: String]) -> Subscription {
    Subscription(id: id, topic: "t", receptionChannel: "http://127.0.0.1:9/s/\(id)", parameters: parameters)
  }

  private func set(_ parameters: JSONValue, of id: Int = 1, _ control: Control) async throws -> JSONValue {
    try await control.perform("SetSubscriptionParams", ["SubscriptionId": .integer(id), "Params": parameters])
  }

  private func get(_ name: String, of id: Int = 1, _ control: Control) async throws -> JSONValue? {
    try await control.perform("GetSubscriptionParams", ["SubscriptionId": .integer(id)])[name]
  }

  /// In closures that wait `#expect` doesn't take `try await` (Swift 6.3).
  private func expect<Value: Equatable>(
    _ found: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(found == expected, sourceLocation: sourceLocation)
  }

  @Test func `parameters are stored and in force at once, and those that aren't named keep their values`() async throws
  {
    try await run(["Concurrency": "4", "ProcessTimeout": "700"]) { control, store, _ in
      expect(try await set(["Concurrency": 9, "AckMode": "http", "AlerterEnabled": 0], control), true)
      expect(try await get("Concurrency", control), 9)
      expect(try await get("AckMode", control), "http")
      expect(try await get("AlerterEnabled", control), false)
      expect(try await get("ProcessTimeout", control), 700)
      expect(
        try await store.subscription(1)?.subscription.parameters,
        ["Concurrency": "9", "AckMode": "http", "AlerterEnabled": "0", "ProcessTimeout": "700"])
      // null takes the row away: the default is in force.
      expect(try await set(["ProcessTimeout": nil], control), true)
      expect(try await get("ProcessTimeout", control), 5_000)
      expect(try await store.subscription(1)?.subscription.parameters["ProcessTimeout"], nil)
    }
  }

  @Test func `the lane that runs takes them: more pushes begin, then no more than allowed`() async throws {
    try await run(["Concurrency": "1"]) { control, _, harness in
      harness.pusher.state.withLock { $0.isHeld = true }
      for start in stride(from: 0, to: 120, by: 40) { harness.publish((start..<start + 40).map { UInt8($0) }) }
      try await harness.pushes(1, "the first push")
      #expect(harness.pusher.state.withLock { $0.running } == 1)
      _ = try await set(["Concurrency": 50], control)
      try await harness.eventually("fifty run") { harness.pusher.state.withLock { $0.running } == 50 }
      _ = try await set(["Concurrency": "2"], control)
      harness.pusher.state.withLock {
        $0.mostRunning = 0
        $0.isHeld = false
      }
      try await harness.pushes(120, "all are pushed")
      try await harness.eventually("none runs") { harness.pusher.state.withLock { $0.running } == 0 }
      // None began while the fifty ran, and then never more than two at once.
      #expect(harness.pusher.state.withLock { $0.mostRunning } <= 2)
    }
  }

  private static let refusals: [(JSONValue, String)] = [
    (["Concurrency": 501], #"Concurrency: expected 1 ... 500, got "501""#),
    (["Concurrency": 0], #"Concurrency: expected 1 ... 500, got "0""#),
    (["Concurrency": 7, "ProcessTimeout": 30_001], #"ProcessTimeout: expected 1 ... 30000 ms, got "30001""#),
    (["Concurrency": "many"], #"Concurrency: expected 1 ... 500, got "many""#),
    (["concurrency": 7], "unknown parameter concurrency; did you mean Concurrency?"),
    (["Concurrency": 7, "Nonsense": 1], "unknown parameter Nonsense"),
    (["Nonsense": nil], "unknown parameter Nonsense"),
    (
      ["ReceptionUri": "ftp://x"],
      #"ReceptionUri: expected http or https URLs, one per line, at most 65535 bytes, got "ftp://x""#
    ),
  ]

  @Test(arguments: refusals)
  func `what breaks a bound changes nothing and names the bound`(parameters: JSONValue, message: String) async throws {
    try await run(["Concurrency": "4"]) { control, store, _ in
      let error = await #expect(throws: ControlError.self) { try await set(parameters, control) }
      #expect(error?.message == message)
      expect(try await get("Concurrency", control), 4)
      expect(await store.changes.count, 0)
    }
  }

  @Test func `a subscription that isn't there is told, a cancelled one is changed in the store`() async throws {
    try await run { control, store, _ in
      let error = await #expect(throws: ControlError.self) { try await set(["Concurrency": 2], of: 9, control) }
      #expect(error == ControlError(.notFound, "there is no subscription 9"))
      await #expect(throws: ControlError(.notFound, "there is no subscription 9")) {
        try await get("Concurrency", of: 9, control)
      }
      expect(try await set(["Concurrency": 5], of: 2, control), true)
      expect(try await get("Concurrency", of: 2, control), 5)
      // One that is newer than the latest refresh is found.
      await store.add(Self.subscription(3, [:]))
      expect(try await set(["Concurrency": 6], of: 3, control), true)
      expect(try await get("Concurrency", of: 3, control), 6)
    }
  }

  @Test func `while the store is down nothing is changed, and it is told`() async throws {
    try await run(["Concurrency": "4"]) { control, store, _ in
      await store.set(isDown: true)
      let error = await #expect(throws: ControlError.self) { try await set(["Concurrency": 9], control) }
      #expect(error?.code == .unavailable)
      #expect(error?.message == "the store doesn't answer, nothing was changed: it is down")
      expect(try await get("Concurrency", control), 4)
      let cleared = await #expect(throws: ControlError.self) { try await control.perform("ClearDataCache") }
      #expect(cleared?.code == .unavailable)
      await store.set(isDown: false)
      expect(try await control.perform("ClearDataCache"), true)
    }
  }

  @Test func `what is stored last is in force last, and who gave up before its turn changes nothing`() async throws {
    try await run { control, store, harness in
      await store.hold()
      let first = Task { try await set(["Concurrency": 10], control) }
      try await harness.eventually("the first one is at the store") { await store.heldCount == 1 }
      let givenUp = Task { try await set(["Concurrency": 20], control) }
      givenUp.cancel()
      let last = Task { try await set(["Concurrency": 30], control) }
      await store.letGo()
      expect(try await first.value, true)
      let error = await #expect(throws: ControlError.self) { try await givenUp.value }
      #expect(error?.code == .timedOut)
      expect(try await last.value, true)
      let inForce = try await get("Concurrency", control)
      let stored = try await store.subscription(1)?.subscription.parameters["Concurrency"]
      #expect(stored == inForce?.scalarText)
      expect(await store.changes.count, 2)
    }
  }

  @Test func `GetSubscriptionParams gives all but secrets, numbers and booleans as such`() async throws {
    try await run(["SigningSecret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]) { control, _, _ in
      let answer = try await control.perform("GetSubscriptionParams", ["SubscriptionId": "1"])
      guard case .object(let members) = answer else {
        Issue.record("no object")
        return
      }
      let names = ParameterName.allCases.filter { !$0.isSecret }.map(\.rawValue) + ["SubscriptionId"]
      #expect(members.keys.sorted() == names.sorted())
      #expect(members["AlerterEnabled"] == true && members["AlarmInterval"] == 180 && members["SubscriptionId"] == 1)
    }
  }

  @Test func `GetDefaultSubscriptionSettings gives the bounds and defaults of the configuration`() async throws {
    try await run { control, _, _ in
      expect(
        try await control.perform("GetDefaultSubscriptionSettings", [:]),
        [
          "MaxSendersPerChannel": 500, "MaxSendersPerRetryChannel": 10, "SendersPerChannel": 1,
          "SendersPerRetryChannel": 1, "MaxMessageProcessTime": 30_000, "DefaultMaxMessageProcessTime": 5_000,
          "IntervalOfSendingForSendRoutine": 0,
        ])
    }
  }

  @Test func `GetPushStatistics counts by topic and subscription`() async throws {
    try await run(answer: { _ in .ok }) { control, _, harness in
      harness.publish([1, 2, 3])
      var counts: JSONValue?
      // A lane that has nothing to do goes to sleep, and what it counted stays.
      try await harness.eventually("pushes are counted") {
        counts = (try? await control.perform("GetPushStatistics"))?["t"]?["1"]
        return counts?["day"] == 3
      }
      for window in ["second", "10_second", "minute", "hour", "day"] {
        #expect(counts?[window] != nil && counts?["failed_\(window)"] == 0, "\(window)")
      }
      #expect(counts?["hour"] == 3)
    }
  }

  @Test func `CleanTopic is handed on once it was checked, or refused with a reason`() async throws {
    let arguments: JSONValue = ["servers": ["q:11300"], "topic": "t/sub-queue/1", "callback": "http://panel/"]
    try await run { control, _, _ in
      let error = await #expect(throws: ControlError.self) { try await control.perform("CleanTopic", arguments) }
      #expect(error == ControlError(.unavailable, "this dispatcher doesn't clean queues"))
    }
    let cleaner = RecordingCleaner()
    try await run(cleaner: cleaner) { control, _, _ in
      expect(try await control.perform("CleanTopic", arguments), .null)
      await #expect(throws: ControlError.self) {
        try await control.perform("CleanTopic", ["servers": ["other:11300"], "topic": "t"])
      }
    }
    let requests = await cleaner.requests
    #expect(requests.map(\.tube.description) == ["t/sub-queue/1"])
    #expect(requests.first?.servers == [QueueServerAddress(host: "q")] && requests.first?.callback == "http://panel/")
  }

  @Test func `before a dispatcher runs its commands are refused`() async throws {
    let harness = EngineHarness()
    let control = Control(harness.dispatcher(), store: MemorySubscriptionEditor([]), logger: Self.silent)
    for name in ["ClearDataCache", "GetPushStatistics"] {
      await #expect(throws: Control.notRunning) { try await control.perform(name) }
    }
    await #expect(throws: Control.notRunning) { try await set(["Concurrency": 1], control) }
    await #expect(throws: ControlError.self) {
      try await control.perform("SetDefaultAlarm", ["default_alarm_receiver": "x"])
    }
  }
}

private actor RecordingCleaner: QueueCleaner {
  private(set) var requests: [CleanRequest] = []

  func begin(_ request: CleanRequest) async throws(ControlError) { requests.append(request) }
}
