import MEDCore
import MEDTestSupport
import Testing

@testable import MEDProducer

@Suite("§3 Messages as producers make them")
struct MessageTests {
  /// The message as a dispatcher reads it, and its body as a subscriber gets it.
  private func read(_ message: Message) throws -> (envelope: Envelope, body: String) {
    let envelope = try Envelope(message.encoded())
    return (envelope, String(decoding: try PushBody.json(envelope), as: UTF8.self))
  }

  @Test func `every field arrives as it was set`() throws {
    var message = Message(topic: "order_paid", body: ["order": 4711, "total": 19.9, "paid": true, "by": nil])
    message.sender = "shop"
    message.time = 1_700_000_000.25
    message.priority = 7
    message.delay = 30
    message.context = "trace=1"
    message.owlContext = "span=2"
    let (envelope, body) = try read(message)
    #expect(envelope.topic == "order_paid")
    #expect(envelope.sender == "shop")
    #expect(envelope.time == 1_700_000_000.25)
    #expect(envelope.priority == 7)
    #expect(envelope.delay == 30)
    #expect(envelope.context == "trace=1")
    #expect(envelope.owlContext == "span=2")
    #expect(envelope.originJobID == 0 && envelope.retryTimes == 0 && envelope.logID == 0)
    #expect(body == #"{"by":null,"order":4711,"paid":true,"total":19.9}"#)
  }

  @Test func `what isn't set has the defaults`() throws {
    let envelope = try read(Message(topic: "order_paid", body: [])).envelope
    #expect(envelope.hasPriority && envelope.priority == 1024)
    #expect(envelope.delay == 0)
    #expect(envelope.sender.isEmpty && envelope.context.isEmpty && envelope.owlContext.isEmpty)
    #expect(envelope.time > 1_700_000_000)
  }

  @Test func `its bytes are those that the document shows`() throws {
    var message = Message(topic: "order_paid", body: ["order": 4711])
    message.time = 1_700_000_000.25
    let hex = try message.encoded().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(
      hex == "85a64d73674b6579aa6f726465725f70616964a454696d65cb41d954fc40100000"
        + "a85072696f72697479cd0400a544656c617900a4426f647981a56f72646572cd1267")
  }

  private struct Order: Encodable {
    let order: Int
    let notes: [String]
  }

  @Test func `a body may be a text, msgpack, or a value of one's own`() throws {
    #expect(try read(Message(topic: "t", json: #" [1, "ü", 1.5] "#)).body == #"[1,"ü",1.5]"#)
    #expect(try read(Message(topic: "t", body: .messagePack([0x93, 1, 2, 3]))).body == "[1,2,3]")
    let order = try read(Message(topic: "t", encoding: Order(order: 4711, notes: ["a"]))).body
    #expect(order == #"{"notes":["a"],"order":4711}"# || order == #"{"order":4711,"notes":["a"]}"#)
  }

  @Test(arguments: ["", "with space", "-dash", "ümlaut", String(repeating: "x", count: 201)])
  func `a topic that gives no channel is refused`(topic: String) {
    #expect(throws: ProducerError.self) { try Message(topic: topic, body: 1).encoded() }
  }

  @Test(arguments: [
    Message.Body.json([]), .json(Array("{".utf8)), .json(Array("1 2".utf8)),
    .json(Array((String(repeating: "[", count: 128) + String(repeating: "]", count: 128)).utf8)), .messagePack([]),
    .messagePack([0xc1]), .messagePack([1, 2]), .messagePack([0x92, 1]), .messagePack([0xd4, 1, 1]),
    .messagePack([0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]), .messagePack([0x81, 0x90, 1]),
    .messagePack(Array(repeating: 0x91, count: 128) + [1]),
  ])
  func `a body that no dispatcher could push is refused before it is sent`(body: Message.Body) {
    let error = #expect(throws: ProducerError.self) { try Message(topic: "t", body: body).encoded() }
    #expect(error?.code == .invalidMessage)
    #expect(error?.disposition == .discard)
  }

  @Test func `a time that is none is refused`() {
    var message = Message(topic: "t", body: 1)
    message.time = .infinity
    #expect(throws: ProducerError.self) { try message.encoded() }
  }

  @Test(arguments: [0, 31, 32, 255, 256, 65_535, 65_536])
  func `an entry of a recover list is the message as a msgpack string`(size: Int) throws {
    let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 | 0x80) }
    let entry = Message.listEntry(of: message)
    #expect(try MessagePack.string(entry) == message)
    // str, whose old name is raw: what every decoder takes for a string.
    let head = try #require(entry.first)
    #expect((0xa0...0xbf).contains(head) || (0xd9...0xdb).contains(head))
  }
}
