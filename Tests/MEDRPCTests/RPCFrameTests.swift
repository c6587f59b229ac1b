import Testing

@testable import MEDRPC

@Suite("§8 RPC: frames")
struct RPCFrameTests {
  private typealias Event = RPCFrameParser.Event

  private static func frame(_ body: String, header: String? = nil) -> [UInt8] {
    let header = Array((header ?? "\(body.utf8.count)").utf8)
    return header + Array(repeating: 0, count: max(0, 8 - header.count)) + Array(body.utf8)
  }

  private static func events(_ parts: [[UInt8]]) -> [Event] {
    var parser = RPCFrameParser()
    var events: [Event] = []
    for part in parts {
      parser.append(part)
      while let event = parser.next() { events.append(event) }
    }
    return events
  }

  @Test func `the length counts the body alone, and NULs pad it to 8 bytes`() {
    let bytes: [UInt8] = [0x32, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D]
    #expect(Self.events([bytes]) == [.request(Array("{}".utf8))])
    #expect(Self.events([Array("00000002{}".utf8)]) == [.request(Array("{}".utf8))])
  }

  @Test func `many requests follow each other, and are the same however they are cut up`() {
    let bytes =
      Self.frame("{}") + Self.frame("[1]") + Self.frame(String(repeating: "x", count: 300)) + Array("CLOSE".utf8)
    let whole = Self.events([bytes])
    #expect(whole.count == 4 && whole.last == .close)
    #expect(Self.events(bytes.map { [$0] }) == whole)
    for cut in 1..<bytes.count { #expect(Self.events([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole) }
  }

  @Test func `CLOSE is one whether it is padded or not, and nothing after it counts`() {
    #expect(Self.events([Array("CLOSE".utf8)]) == [.close])
    #expect(Self.events([Array("CLOSE\0\0\0".utf8)]) == [.close])
    #expect(Self.events([Array("CLOSE".utf8) + Self.frame("{}")]) == [.close])
    #expect(Self.events([Array("CLOS".utf8)]) == [])
    #expect(Self.events([Array("CLOSED".utf8)]) == [.close])
    #expect(Self.events([Array("CLAIM".utf8)]) == [.malformed(.notALength)])
  }

  @Test(arguments: [
    ("0", RPCFrameParser.Problem.empty), ("00000000", .empty), ("", .notALength), ("-1", .notALength),
    ("1x", .notALength), (" 2", .notALength), ("2 ", .notALength), ("1\u{0}1", .notALength), ("0x10", .notALength),
    ("1048577", .tooLong), ("99999999", .tooLong), ("GET / HT", .notALength), ("\u{16}\u{3}\u{1}", .notALength),
  ])
  func `anything else than a length is malformed`(header: String, problem: RPCFrameParser.Problem) {
    let bytes = Self.frame("{}{}{}{}", header: header)
    #expect(Self.events([bytes]) == [.malformed(problem)])
    #expect(Self.events(bytes.map { [$0] }) == [.malformed(problem)])
  }

  @Test func `what can't become a length is malformed with its first wrong byte`() {
    #expect(Self.events([[UInt8(ascii: "x")]]) == [.malformed(.notALength)])
    #expect(Self.events([Array("1048577".utf8)]) == [.malformed(.tooLong)])
    #expect(Self.events([Array("1".utf8)]) == [])
  }

  @Test func `a body of 1 MiB is a request, and takes no memory before it arrives`() {
    var parser = RPCFrameParser()
    parser.append(Array("1048576\0".utf8))
    #expect(parser.next() == nil)
    #expect(parser.heldBytes == 8 && parser.hasBegun)
    parser.append(Array(repeating: UInt8(ascii: " "), count: (1 << 20) - 1))
    #expect(parser.next() == nil)
    parser.append([UInt8(ascii: "1")])
    guard case .request(let body) = parser.next() else {
      Issue.record("no request")
      return
    }
    #expect(body.count == 1 << 20)
    #expect(parser.heldBytes == 0 && !parser.hasBegun)
  }
}

@Suite("§8 RPC: requests and answers")
struct RPCRequestTests {
  private static func read(_ text: String) throws(RPCRequest.Malformed) -> RPCRequest {
    try RPCRequest(parsing: Array(text.utf8))
  }

  @Test func `a request names a command and its arguments`() throws {
    let request = try Self.read(#"{"cmd":"GetSubscriptionParams","args":{"SubscriptionId":352}}"#)
    #expect(request.command == "GetSubscriptionParams")
    #expect(request.arguments == ["SubscriptionId": 352])
  }

  @Test(arguments: [#"{"cmd":"x"}"#, #"{"cmd":"x","args":null}"#, #"{"cmd":"x","args":[]}"#, #"{"args":{},"cmd":"x"}"#])
  func `arguments that are missing are an empty object`(text: String) throws {
    #expect(try Self.read(text).arguments == [:])
  }

  @Test(arguments: [
    ("", "a request is JSON: the text ends at byte 0"),
    ("{", "a request is JSON: a name in quotes is expected at byte 1"),
    ("[]", "a request is an object, not a list"), ("{}", "cmd is missing"),
    (#"{"cmd":1}"#, "cmd is a string, not a number"),
    (#"{"cmd":"x","args":1}"#, "args is an object, not a number"),
    (#"{"cmd":"x","args":["a"]}"#, "args is an object, not a list"),
  ])
  func `anything else is malformed, with a reason`(text: String, reason: String) {
    #expect(throws: RPCRequest.Malformed(description: reason)) { try Self.read(text) }
  }

  @Test func `an answer is a length, a status and JSON`() {
    #expect(RPCAnswer(true).bytes == Array("4\0\0\0\0\0\0\0ok\0\0\0\0\0\0true".utf8))
    #expect(RPCAnswer(failure: "no").bytes == Array("4\0\0\0\0\0\0\0failed\0\0\"no\"".utf8))
  }

  @Test func `the length of a failure counts its quotes and escapes, in bytes`() {
    let answer = RPCAnswer(failure: "é\"")
    #expect(answer.body == Array(#""é\"""#.utf8))
    #expect(answer.bytes == Array("6\0\0\0\0\0\0\0failed\0\0".utf8) + answer.body)
  }

  @Test func `an answer that is too long for seven digits is a failure`() {
    let text = String(repeating: "x", count: RPCAnswer.maximumBody - 2)
    #expect(RPCAnswer(.string(text)).status == .ok)
    #expect(RPCAnswer(.string(text + "x")).status == .failed)
  }
}
