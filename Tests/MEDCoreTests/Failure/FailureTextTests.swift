import Testing

@testable import MEDCore

@Suite("§7 Failure log: texts")
struct FailureTextTests {
  private let text = FailureText(address: "10.1.2.3")

  private func answered(_ body: [UInt8]) -> PushAnswer {
    .answered(status: 502, body: body, truncated: false, retryAfter: nil)
  }

  @Test func `a text names this host, the target, the status and the answer`() {
    #expect(
      text.failure(of: "http://shop/x", answered(Array("bad gateway".utf8)), reason: "HTTP status 502")
        == "medispatcher addr: 10.1.2.3 target: http://shop/x status: 502 (HTTP status 502) answer: bad gateway")
  }

  @Test func `a text names the error when there was no answer`() {
    let answer = PushAnswer.failed(PushFailure(.refused, "connection refused"))
    #expect(
      text.failure(of: "http://shop/x", answer, reason: "-")
        == "medispatcher addr: 10.1.2.3 target: http://shop/x error: connection refused")
    #expect(text.failure("no URL") == "medispatcher addr: 10.1.2.3 error: no URL")
  }

  @Test func `a target is shown without credentials, and a long one is cut`() throws {
    let target = try Target.parse("http://user:secret@shop:80/x").get()
    #expect(FailureText.target(target) == target.description && !target.description.contains("secret"))
    let long = try Target.parse("http://shop/" + String(repeating: "x", count: 8_000)).get()
    #expect(FailureText.target(long).utf8.count == 1_024)
  }

  @Test func `of an answer the first 4 KiB are kept`() {
    let long = [UInt8](repeating: UInt8(ascii: "x"), count: 70_000)
    let kept = text.failure(of: "t", answered(long), reason: "r")
    #expect(kept.hasSuffix("answer: " + String(repeating: "x", count: 4_096)))
    let exact = [UInt8](repeating: UInt8(ascii: "x"), count: 4_096)
    #expect(text.failure(of: "t", answered(exact), reason: "r") == kept)
  }

  @Test(arguments: 0..<8) func `a cut never falls into a character`(offset: Int) {
    let bytes = Array((String(repeating: "x", count: offset) + String(repeating: "🎈", count: 10)).utf8)
    for limit in 0...bytes.count {
      let cut = FailureText.cut(bytes, to: limit)
      #expect(!cut.contains("\u{FFFD}"))
      #expect(cut.utf8.count <= limit && cut.utf8.count > limit - 4)
    }
  }

  @Test func `what is no UTF-8 is repaired, a NUL replaced, and the text stays bounded`() {
    #expect(FailureText.cut([0x61, 0xFF, 0x62, 0x00, 0x63], to: 100) == "a\u{FFFD}b\u{FFFD}c")
    let noise = [UInt8](repeating: 0x80, count: 10_000)
    #expect(FailureText.cut(noise, to: 4_096).utf8.count <= 3 * 4_096)
  }

  @Test func `this host has an address`() {
    #expect(!HostAddress.first().isEmpty)
  }
}
