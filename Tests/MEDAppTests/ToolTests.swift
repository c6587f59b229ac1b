import MEDCore
import Testing

@testable import MEDApp

@Suite("§14 Publishing")
struct PublishingTests {
  @Test(
    arguments: [
      ("null", [0xc0]), ("true", [0xc3]), ("0", [0]), ("-1", [0xff]), ("-33", [0xd0, 0xdf]), ("200", [0xcc, 200]),
      ("65535", [0xcd, 255, 255]), ("-40000", [0xd2, 0xff, 0xff, 0x63, 0xc0]),
      ("18446744073709551615", [0xcf] + Array(repeating: 255, count: 8)),
      ("-9223372036854775808", [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]), ("1.5", [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
      ("[]", [0x90]), (" { \"a\" : [1,{}] } ", [0x81, 0xa1, 0x61, 0x92, 1, 0x80]),
      ("\"\\u00e9\\ud83d\\ude00\\n\"", [0xa7, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0x0a]),
    ] as [(String, [UInt8])])
  func `JSON becomes the shortest msgpack`(json: String, bytes: [UInt8]) throws {
    #expect(try JSONToMessagePack.convert(Array(json.utf8)) == bytes)
  }

  @Test(arguments: [
    "", " ", "{", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "-", "1.", "1e", "1e999", "nul", "\"", "\"\\x\"",
    "\"\\ud800\"", "\"\\udc00\"", "\"\\u12\"", "\"\n\"", "1 2", "[1]]", "tru", "\u{feff}1", ".5", "+1",
  ])
  func `what is no JSON is refused`(text: String) {
    #expect(throws: JSONToMessagePack.Failure.self) { try JSONToMessagePack.convert(Array(text.utf8)) }
  }

  @Test func `nesting is bounded so that the message is at 128`() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(try JSONToMessagePack.convert(nested(127)).count == 127)
    #expect(throws: JSONToMessagePack.Failure.self) { try JSONToMessagePack.convert(nested(128)) }
    #expect(throws: JSONToMessagePack.Failure.self) { try JSONToMessagePack.convert(nested(1_000_000)) }
  }

  @Test func `every cut of a JSON text is refused or a number`() {
    let text = Array("{\"a\":[1,-2.5e3,\"x\\u00e9\",true,null]}".utf8)
    for end in 0..<text.count {
      #expect(throws: JSONToMessagePack.Failure.self) { try JSONToMessagePack.convert(Array(text[..<end])) }
    }
  }

  @Test func `lengths are written in the form that fits`() {
    for (count, head) in [(31, [0xbf]), (32, [0xd9, 32]), (256, [0xda, 1, 0]), (65536, [0xdb, 0, 1, 0, 0])]
      as [(Int, [UInt8])]
    {
      var writer = MessagePackWriter()
      writer.string(String(repeating: "x", count: count))
      #expect(writer.bytes.starts(with: head))
      #expect(writer.bytes.count == head.count + count)
    }
  }

  @Test func `a message holds topic, sender, time and body`() throws {
    var message = try OutgoingMessage(topic: "t", json: Array("{\"n\":1}".utf8))
    message.sender = "me"
    message.priority = 7
    let job = message.job()
    #expect(job.priority == 7)
    #expect(job.body.starts(with: [0x86, 0xa6] + Array("MsgKey".utf8) + [0xa1, 0x74, 0xa6] + Array("Sender".utf8)))
    #expect(Array(job.body.suffix(9)) == [0xa4] + Array("Body".utf8) + [0x81, 0xa1, 0x6e, 1])
  }

  @Test func `a text is one payload, or one on each line`() throws {
    #expect(try OutgoingMessage.payloads(in: Array("[1,\n2]".utf8)).count == 1)
    #expect(try OutgoingMessage.payloads(in: Array("{\"a\":1}\n{\"a\":2}\r\n\n".utf8)).count == 2)
    #expect(throws: SystemError.self) { try OutgoingMessage.payloads(in: Array("{}\n{".utf8)) }
  }

  private final class Collector: Publishing {
    var batches: [Int] = []
    func publish(_ jobs: [PublishJob]) throws { batches.append(jobs.count) }
  }

  @Test func `messages go in batches until the count is reached`() throws {
    let collector = Collector()
    let message = try OutgoingMessage(topic: "t", json: [UInt8(ascii: "1")])
    var last = (0, 0)
    try PublishRun.run([message, message, message], count: 50, to: collector) { last = ($0, $1) }
    #expect(collector.batches == [64, 64, 22])
    #expect(last == (150, 150))
  }
}
