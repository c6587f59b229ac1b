import MEDTestSupport
import Testing

@Suite("§5 Push: formats, headers and acknowledgements, as configured", .showsServerOutput)
struct PushFormatTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  private static let older = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

  /// All that the dispatcher wrote.
  private func logs(_ system: SystemHarness) -> String {
    ["info", "warn", "error", "debug", "data"].map { system.log($0) }.joined()
  }

  @Test func `json is pushed as such, signed so that the reference library takes it, with the time of each push`()
    async throws
  {
    let system = try await SystemHarness.start(settings: ["EnableMsgSentLog": "true"])
    let id = try await system.subscribe(
      parameters: ["PayloadFormat": "json", "SigningSecret": "\(Self.secret) \(Self.older)"]
    ) { request in
      request.header("x-medispatcher-retry-times") == "0" ? .refuse(.status(500)) : .accept
    }
    let message = TestMessage(
      topic: SystemHarness.topic, body: .map([("id", "m-000001"), ("text", "ü & ✓")]), context: "caller")
    try system.server.client().put(message.encoded, into: SystemHarness.mainQueue)
    try await system.startDispatcher()
    let requests = try await system.receiver.waitFor(count: 2, within: .seconds(20))
    try await system.waitUntilEmpty()

    for (number, request) in requests.enumerated() {
      #expect(request.header("content-type") == "application/json")
      #expect(request.text == #"{"id":"m-000001","text":"ü & ✓"}"#)
      let jobID = "1700000000.250000-1-\(id)"
      #expect(request.query("jobid") == jobID && request.query("retry_times") == "\(number)")
      #expect(request.header("x-medispatcher-job-id") == jobID)
      #expect(request.header("x-medispatcher-retry-times") == "\(number)")
      #expect(request.header("x-medispatcher-topic") == SystemHarness.topic)
      #expect(request.header("x-jumei-context") == "caller")
      #expect(request.header("webhook-id") == jobID)
      #expect(request.header("user-agent")?.hasPrefix("MEDispatcher/") == true)
    }
    let verdicts = try await WebhookVerifier.verdicts(
      requests.flatMap { [.init(secret: Self.secret, $0), .init(secret: Self.older, $0)] })
    #expect(verdicts == Array(repeating: "valid", count: 4))
    // The retry came a second later at least.
    let times = requests.compactMap { $0.header("webhook-timestamp").flatMap(Int.init) }
    #expect(times.count == 2 && times[0] < times[1])
    #expect(requests[0].header("webhook-signature") != requests[1].header("webhook-signature"))

    #expect(try await system.stopDispatcher() == .code(0))
    let logs = logs(system)
    #expect(logs.contains(" SENT ") && logs.contains(" RESENT "))
    for secret in [Self.secret, String(Self.secret.dropFirst(6)), Self.older] { #expect(!logs.contains(secret)) }
  }

  @Test func `a SigningSecret that is none is warned of, not shown, and pushes go unsigned`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe(parameters: ["PayloadFormat": "json", "SigningSecret": "no base64 at all!"])
    try system.publish(0..<1)
    try await system.startDispatcher()
    let request = try #require(try await system.receiver.waitFor(count: 1, within: .seconds(20)).first)
    #expect(request.header("webhook-signature") == nil)
    try await eventually("it is warned of", within: .seconds(20)) { system.log("warn").contains("SigningSecret") }
    #expect(!logs(system).contains("no base64 at all"))
  }

  @Test func `PayloadFormat and AckMode follow a change in the store, without a restart`() async throws {
    let system = try await SystemHarness.start()
    // 204 without a body: a success with AckMode http alone.
    let id = try await system.subscribe { _ in .refuse(.status(204)) }
    try system.publish(0..<1)
    try await system.startDispatcher()
    let first = try await system.receiver.waitFor(count: 2, within: .seconds(20))
    #expect(first.allSatisfy { $0.field("message") != nil })

    try await system.store.setParameters(["AckMode": "http", "PayloadFormat": "json"], of: id)
    try await system.waitUntilEmpty()
    #expect(system.receiver.requests.last?.header("content-type") == "application/json")
    #expect(system.records.isEmpty)

    // And back.
    try await system.store.setParameters(["AckMode": "status"], of: id)
    try await eventually("a push fails again", within: .seconds(20), every: .milliseconds(300)) {
      try system.publish(1..<2)
      return system.receiver.requests.contains { $0.query("retry_times") == "1" && $0.text.contains("m-000001") }
    }
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `contexts go out under the configured names, and what can't be a header is left out`() async throws {
    let system = try await SystemHarness.start(
      tables: "[Push]\nContextHeader = \"X-Trace\"\nOwlContextHeader = \"X-Owl\"\n")
    try await system.subscribe()
    let client = try system.server.client()
    let contexts = [("a=1", "b=2"), ("", ""), ("ok", "evil\r\nX-Evil: 1"), ("with\0nul", "ok")]
    for (context, owl) in contexts {
      let message = TestMessage(topic: SystemHarness.topic, context: context, owlContext: owl)
      try client.put(message.encoded, into: SystemHarness.mainQueue)
    }
    try await system.startDispatcher()
    let requests = try await system.receiver.waitFor(count: 4, within: .seconds(20))
      .sorted { ($0.query("jobid") ?? "") < ($1.query("jobid") ?? "") }
    #expect(requests.map { $0.header("x-trace") } == ["a=1", nil, "ok", nil])
    #expect(requests.map { $0.header("x-owl") } == ["b=2", nil, nil, "ok"])
    #expect(requests.allSatisfy { $0.header("x-evil") == nil && $0.header("x-jumei-context") == nil })
    try await system.waitUntilEmpty()
    // Both were left out within the interval in which one warning is let through.
    let warnings = system.log("warn").split(separator: "\n").filter { $0.contains("a header that can't be sent") }
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("X-Owl") == true)
  }
}
