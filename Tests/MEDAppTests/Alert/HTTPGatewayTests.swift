import Foundation
import MEDTestSupport
import Testing

@testable import MEDApp
@testable import MEDCore

@Suite("§15 HTTP gateways")
struct HTTPGatewayTests {
  @Test func `a gateway for forms gets the fields by its own names, and is believed by status 200 and AckStr`()
    async throws
  {
    try await GatewayStage.with { stage in
      stage.receiver.on("/gateway", .bytes(Array("OK".utf8)))
      stage.set { settings in
        settings.user = "me & you"
        settings.password = "pä=ss"
        settings.from = "medispatcher@x.example"
        settings.fields.subject = "title"
        settings.fields.recipient = "to[]"
        settings.fields.user = ""
      }
      #expect(await stage.mail.send(GatewayStage.parcel()) == .delivered)
      let request = try #require(stage.receiver.requests("/gateway").first)
      #expect(request.method == "POST" && request.header("content-type") == "application/x-www-form-urlencoded")
      #expect(
        request.form.map { "\($0.name)=\($0.value)" } == [
          "Password=pä=ss", "From=medispatcher@x.example", "title=the subject", "to[]=a@x.example",
          "Content=line 1\nline 2\n",
        ])
    }
  }

  @Test(arguments: [
    (Answer.bytes(Array("OK\r\n".utf8)), true), (.bytes(Array(" OK".utf8)), true), (.bytes(Array("ok".utf8)), false),
    (.bytes(Array("OK".utf8), status: 201), false), (.bytes(Array("OK!".utf8)), false), (.status(200), false),
    (.status(500), false), (.bytes(Array("OK".utf8)).chunked(1), true), (.bytes(Array("OK".utf8)).untilClose(), true),
    (.bytes([0xFF, 0xFE]), false),
  ])
  func `success is status 200 and AckStr, but for spaces around it`(answer: Answer, isSuccess: Bool) async throws {
    try await GatewayStage.with { stage in
      stage.receiver.on("/gateway", answer)
      let outcome = await stage.form(.sms).send(GatewayStage.parcel(to: "138"))
      #expect((outcome == .delivered) == isSuccess, "\(outcome)")
      if case .refused = outcome { Issue.record("another try may help: \(outcome)") }
    }
  }

  @Test func `without an AckStr the answer must be empty`() async throws {
    try await GatewayStage.with { stage in
      stage.set { $0.acknowledgement = "" }
      stage.receiver.on("/gateway", inTurn: [.status(200), .bytes(Array("OK".utf8))])
      #expect(await stage.form().send(GatewayStage.parcel()) == .delivered)
      #expect(await stage.form().send(GatewayStage.parcel()).problem == "HTTP status 200, the answer is \"OK\"")
    }
  }

  @Test func `a gateway that hangs, drips, hangs up, answers without end or isn't there is a failure within its time`()
    async throws
  {
    try await GatewayStage.with { stage in
      let gateway = stage.form(timeout: .milliseconds(300))
      stage.receiver.on("/gateway", .hang)
      #expect(await gateway.send(GatewayStage.parcel()).problem?.contains("timed out") == true)
      stage.receiver.on("/gateway", Answer.bytes(Array("OK".utf8)).dripping(every: .milliseconds(100)))
      #expect(await gateway.send(GatewayStage.parcel()).problem != nil)
      let patient = stage.form()
      stage.receiver.on("/gateway", Answer.bytes(Array("OK".utf8)).cut(after: 20))
      #expect(await patient.send(GatewayStage.parcel()).problem != nil)
      stage.receiver.on("/gateway", .endless("OK"))
      let endless = try #require(await patient.send(GatewayStage.parcel()).problem)
      #expect(endless.utf8.count < 1_000 && endless.hasSuffix("…"))
      stage.receiver.refuse()
      #expect(await patient.send(GatewayStage.parcel()).problem != nil)
    }
    #expect(FormGateway.timeout == .seconds(5))
  }

  @Test func `what a gateway repeats of its password, or of its URL, is hidden`() async throws {
    try await GatewayStage.with { stage in
      stage.set { settings in
        settings.password = "s3cret"
        settings.gateway = settings.gateway.replacing("http://", with: "http://me:hush@")
      }
      stage.receiver.on("/gateway", .bytes(Array("wrong password s3cret of me:hush\u{1B}[2J".utf8), status: 403))
      let problem = try #require(await stage.form().send(GatewayStage.parcel()).problem)
      #expect(problem == #"HTTP status 403, the answer is "wrong password *** of ***\u{1b}[2J""#)
      #expect(stage.receiver.requests("/gateway").first?.header("authorization") != nil)
    }
  }

  @Test func `what a gateway repeats of its recipient is hidden, however it writes it`() async throws {
    try await GatewayStage.with { stage in
      stage.receiver.on(
        "/gateway", .bytes(Array((String(repeating: "x", count: 195) + "a@x.example a%40x.example").utf8), status: 400))
      let problem = try #require(await stage.form().send(GatewayStage.parcel()).problem)
      #expect(problem == "HTTP status 400, the answer is \"" + String(repeating: "x", count: 195) + "*** *\"…")
    }
  }

  @Test func `a URL that can't be asked for isn't tried again`() async throws {
    try await GatewayStage.with { stage in
      stage.set { $0.gateway = "http://host/with a space" }
      guard case .refused = await stage.form().send(GatewayStage.parcel()) else {
        Issue.record("it was not refused")
        return
      }
    }
  }

  @Test func `changed settings count with the next alert`() async throws {
    try await GatewayStage.with { stage in
      let gateway = stage.form()
      stage.set { $0.gateway = "" }
      #expect(!gateway.isConfigured)
      stage.set { $0.gateway = stage.receiver.url("/other") }
      stage.receiver.on("/other", .bytes(Array("OK".utf8)))
      #expect(gateway.isConfigured)
      #expect(await gateway.send(GatewayStage.parcel()) == .delivered)
    }
  }

  // MARK: The alarm platform

  @Test func `the alarm platform gets JSON with every name that Docs/alerts.md has`() async throws {
    try await GatewayStage.with { stage in
      stage.receiver.on("/gateway", .json(#"{"code":"0","msg":"fine"}"#))
      stage.set { settings in
        settings.user = "me"
        settings.password = "s3cret"
        settings.from = "medispatcher"
        settings.fields.content = "text"
        settings.fields.from = ""
      }
      let parcel = GatewayStage.parcel(to: "ops, night", over: "sms")
      #expect(await stage.platform.send(parcel) == .delivered)
      let request = try #require(stage.receiver.requests("/gateway").first)
      #expect(request.method == "POST" && request.header("content-type") == "application/json")
      #expect(
        try JSONValue(parsing: request.body) == [
          "User": "me", "Password": "s3cret", "Subject": "the subject", "Recipient": "ops, night",
          "text": "line 1\nline 2", "channel": "sms", "kind": "channel_blocked", "topic": "order_paid",
          "subscription": 352, "host": "10.0.0.5", "time": "2026-11-18T11:06:40.000000Z",
        ])
      let document = try String(contentsOf: DocumentPlace.file("Docs/alerts.md"), encoding: .utf8)
      for name in ["channel", "kind", "topic", "subscription", "host", "time"] {
        #expect(document.contains("`\(name)`"))
      }
    }
  }

  @Test(arguments: [
    (Answer.json(#"{"code":"0"}"#), true), (.json(#"{"code":0}"#), true), (.json(#"{"code":0.0}"#), true),
    (.bytes(Array("OK".utf8)), true), (.json(#"{"code":"0"}"#, status: 201), true),
    (.json(#"{"code":"1"}"#), false), (.json(#"{"code":"00"}"#), false), (.json(#"{"code":null}"#), false),
    (.json(#"[{"code":"0"}]"#), false), (.json("{"), false), (.json("0"), false), (.status(200), false),
    (.json(#"{"code":"0"}"#, status: 500), false), (.bytes(Array("OK".utf8), status: 302), false),
  ])
  func `the alarm platform is believed by AckStr, or a code of 0`(answer: Answer, isSuccess: Bool) async throws {
    try await GatewayStage.with { stage in
      stage.receiver.on("/gateway", answer)
      let outcome = await stage.platform.send(GatewayStage.parcel())
      #expect((outcome == .delivered) == isSuccess, "\(outcome)")
    }
  }

  @Test func `nesting and length of its answer are bounded`() async throws {
    try await GatewayStage.with { stage in
      stage.receiver.on(
        "/gateway",
        inTurn: [
          .json(String(repeating: "[", count: 50_000)),
          .json(#"{"code":"0","x":""# + String(repeating: "x", count: 200_000) + #""}"#),
        ])
      #expect(await stage.platform.send(GatewayStage.parcel()).problem != nil)
      #expect(await stage.platform.send(GatewayStage.parcel()).problem != nil)
    }
  }
}

/// Files of the repository.
enum DocumentPlace {
  static func file(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(path)
  }
}
