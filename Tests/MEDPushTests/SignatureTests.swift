import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDPush

@Suite("§5 Push: signatures as Standard Webhooks has them")
struct SignatureTests {
  private static let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  private static let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

  private func signing(_ secret: String, id: String = "msg_p5jXN8AQM9LWM0D4loKWxJek") throws -> PushSigning {
    PushSigning(messageID: id, keys: try #require(SigningKeys(secret)))
  }

  @Test(arguments: [secret, "whsec_" + secret])
  func `the published test vector comes out`(secret: String) throws {
    let headers = WebhookSignature.headers(
      try signing(secret), body: Array(#"{"test": 2432232314}"#.utf8), time: 1_614_265_330)
    #expect(headers.map(\.name) == ["webhook-id", "webhook-timestamp", "webhook-signature"])
    #expect(
      headers.map(\.value) == [
        "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      ])
  }

  @Test func `what README shows is true`() throws {
    let headers = WebhookSignature.headers(
      try signing(Self.secret, id: "1700000000.123456-17-1"), body: Array(#"{"order":4711}"#.utf8), time: 1_700_000_001)
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    for (name, value) in headers { #expect(readme.contains("\(name): \(value)\n")) }
  }

  @Test func `with several secrets there is a signature by each, in their order`() throws {
    let body = Array("{}".utf8)
    func signature(_ secret: String) throws -> String {
      try #require(WebhookSignature.headers(signing(secret), body: body, time: 1).last?.value)
    }
    #expect(
      try signature("\(Self.secret) \(Self.other)") == signature(Self.secret) + " " + signature(Self.other))
    #expect(try signature(Self.secret) != signature(Self.other))
  }

  @Test func `the reference library takes what is pushed, and nothing that was changed on the way`() async throws {
    let receiver = try TestReceiver()
    let bodies = ["{}", #""ünïcödé \u0000 ✓""#, "null", "[" + String(repeating: "1,", count: 50_000) + "1]"]
    for (number, body) in bodies.enumerated() {
      var request = PushRequest.to(receiver.url("/\(number)"), body: body)
      request.contentType = "application/json"
      request.signing = try signing("\(Self.other) \(Self.secret)", id: "1700000000.250000-\(number)-1")
      #expect(try await push(request).status == 200)
    }
    let requests = receiver.requests
    #expect(requests.map(\.text) == bodies)
    typealias Case = WebhookVerifier.Case
    let valid = requests.flatMap { [Case(secret: Self.secret, $0), Case(secret: Self.other, $0)] }
    let request = try #require(requests.first)
    let invalid = [
      Case(secret: Self.secret, headers: request.headers, body: "{ }"),
      Case(secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", request),
      Case(
        secret: Self.secret, headers: request.headers.map { $0.name == "webhook-id" ? ($0.name, "x") : $0 },
        body: request.text),
    ]
    let verdicts = try await WebhookVerifier.verdicts(valid + invalid)
    #expect(verdicts.count == valid.count + invalid.count)
    #expect(verdicts.prefix(valid.count).allSatisfy { $0 == "valid" }, "\(verdicts)")
    #expect(verdicts.dropFirst(valid.count).allSatisfy { $0 == "No matching signature found" }, "\(verdicts)")
  }

  @Test func `a request without signing has none of the headers`() async throws {
    let receiver = try TestReceiver()
    _ = try await push(.to(receiver.url()))
    #expect(receiver.requests.first?.headers.contains { $0.name.hasPrefix("webhook-") } == false)
  }

  @Test func `a secret shows in no description of a request`() throws {
    var request = PushRequest.to("http://a/")
    request.signing = try signing(Self.secret)
    var dumped = ""
    dump(request, to: &dumped)
    // Its first bytes, as they would be printed.
    for text in [dumped, "\(request)", "\(String(reflecting: request))"] {
      #expect(!text.contains("49, 242, 144") && !text.contains(Self.secret))
    }
  }
}
