import Testing

@testable import MEDCore

@Suite("§5 What a push carries")
struct PushRequestBuilderTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  private let builder = PushRequestBuilder(contextHeader: "X-Ctx", owlContextHeader: "X-Owl")

  private func channel(_ parameters: [String: String]) -> SubscribedChannel {
    let subscription = Subscription(
      id: 7, topic: "t", receptionChannel: "http://h/p?a=b", parameters: parameters)
    return SubscribedChannel.make(subscription, ChannelRules()).channel
  }

  private func request(
    _ bytes: [UInt8], _ parameters: [String: String] = [:], leavesOut: (String) -> Void = { _ in }
  ) throws -> PushRequest {
    let channel = channel(parameters)
    let envelope = try Envelope(bytes)
    return try builder.request(
      for: envelope, of: channel, to: try #require(channel.targets.all.first),
      jobID: envelope.pushJobID(subscription: 7), retryTimes: 3, leavesOut: leavesOut)
  }

  private static func text(_ request: PushRequest) -> String { String(decoding: request.body, as: UTF8.self) }

  @Test func `by default it is a form, with no header of its own`() throws {
    let request = try request(message(("MsgKey", "t"), ("Body", .map([("a", 1)])), ("Time", 1.5)))
    #expect("\(request.contentType)" == "application/x-www-form-urlencoded")
    #expect(Self.text(request) == "jobid=1.500000-0-7&message=%7B%22a%22%3A1%7D&retry_times=3")
    #expect(request.url == "http://h/p?a=b&jobid=1.500000-0-7&retry_times=3")
    #expect(request.headers.isEmpty)
    #expect(request.signing == nil)
  }

  @Test func `with PayloadFormat json the body is the message, and the rest stands in headers and the URL`() throws {
    let request = try request(
      message(
        ("MsgKey", "orders"), ("Body", .map([("a&b", "ü")])), ("Time", 1.5), ("Context", "c"), ("Owl_context", "o")),
      ["PayloadFormat": "json"])
    #expect("\(request.contentType)" == "application/json")
    #expect(Self.text(request) == #"{"a&b":"ü"}"#)
    #expect(request.url == "http://h/p?a=b&jobid=1.500000-0-7&retry_times=3")
    #expect(
      request.headers.map { "\($0.name): \($0.value)" } == [
        "X-Medispatcher-Job-Id: 1.500000-0-7", "X-Medispatcher-Retry-Times: 3", "X-Medispatcher-Topic: orders",
        "X-Ctx: c", "X-Owl: o",
      ])
    #expect(request.signing == nil)
  }

  @Test func `a message without a body is null`() throws {
    #expect(Self.text(try request(message(("MsgKey", "t")), ["PayloadFormat": "json"])) == "null")
  }

  @Test func `a SigningSecret signs json, and nothing else`() throws {
    let bytes = message(("MsgKey", "t"), ("Time", 1.5))
    let signed = try request(bytes, ["PayloadFormat": "json", "SigningSecret": Self.secret])
    #expect(signed.signing?.messageID == "1.500000-0-7")
    #expect(signed.signing?.keys == SigningKeys(Self.secret))
    #expect(try request(bytes, ["SigningSecret": Self.secret]).signing == nil)
    #expect(try request(bytes, ["PayloadFormat": "form", "SigningSecret": Self.secret]).signing == nil)
  }

  @Test(arguments: ["a\nb", "a\r\nX-Evil: 1", "a\0b", "\r", "\n"])
  func `what can't be the value of a header is left out, named, and the push is made`(text: String) throws {
    var leftOut: [String] = []
    let request = try request(
      message(("MsgKey", .text("t" + text)), ("Context", .text(text)), ("Owl_context", "fine")),
      ["PayloadFormat": "json"]
    ) { leftOut.append($0) }
    #expect(leftOut == ["X-Medispatcher-Topic", "X-Ctx"])
    #expect(request.headers.map(\.name) == ["X-Medispatcher-Job-Id", "X-Medispatcher-Retry-Times", "X-Owl"])
  }

  @Test(arguments: ["form", "json"])
  func `a body that JSON can't hold makes no request`(format: String) throws {
    #expect(throws: MessageError.self) {
      _ = try request(message(body: .double(.nan)), ["PayloadFormat": format])
    }
  }
}

@Suite("§5 Signing secrets")
struct SigningKeysTests {
  @Test(arguments: ["AAEC", "whsec_AAEC"])
  func `a secret is base64, maybe after whsec_`(text: String) {
    #expect(SigningKeys(text)?.all == [[0, 1, 2]])
  }

  @Test func `padding may be missing, and there may be several`() {
    #expect(SigningKeys("whsec_AQ== AQI  AAEC")?.all == [[1], [1, 2], [0, 1, 2]])
  }

  @Test(arguments: ["", " ", "whsec_", "A", "not base64!", "AAEC whsec_", "AA-_", "AR", "whsec_whsec_AAEC"])
  func `anything else is none`(text: String) {
    #expect(SigningKeys(text) == nil)
  }

  @Test(arguments: ["secret!", "whsec_", "AA-_", "AAEC,AAEC", String(repeating: "A", count: 516)])
  func `a secret that is none is refused by its bounds, and not shown`(text: String) throws {
    let table = ParameterTable()
    let error = try #require(throws: ParameterError.self) { _ = try table.validate("SigningSecret", text) }
    #expect(error.description.contains("SigningSecret: expected base64, maybe after whsec_"))
    #expect(error.found == "(hidden)")
    let (parameters, warnings) = table.read(["SigningSecret": text, "PayloadFormat": "json"])
    #expect(parameters.signingSecret.isEmpty && warnings == [error])
  }

  @Test func `an empty secret is allowed: it takes one away`() throws {
    #expect(try ParameterTable().validate("SigningSecret", "") == .text(""))
  }
}
