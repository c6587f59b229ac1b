import Testing

@testable import MEDCore

@Suite("§3 Envelope")
struct EnvelopeTests {
  @Test func `every field is read`() throws {
    let envelope = try Envelope(validMessages[1])
    #expect(envelope.topic == "order_paid")
    #expect(envelope.sender == "shop")
    #expect(envelope.time == 1_700_000_000.123456)
    #expect(envelope.originJobID == 77)
    #expect(envelope.retryTimes == 3)
    #expect(envelope.logID == 9)
    #expect(envelope.delay == 5)
    #expect(envelope.priority == 1024)
    #expect(envelope.context == "ctx")
    #expect(envelope.owlContext == "owl")
    #expect(envelope.bytes == validMessages[1])
  }

  @Test func `what is absent is zero`() throws {
    let envelope = try Envelope(message(("MsgKey", "t")))
    #expect(envelope.sender == "" && envelope.context == "" && envelope.owlContext == "")
    #expect(envelope.time == 0)
    #expect(envelope.originJobID == 0 && envelope.retryTimes == 0 && envelope.logID == 0)
    #expect(envelope.delay == 0 && envelope.priority == 0 && !envelope.hasPriority)
    #expect(envelope.body.isEmpty)
  }

  @Test func `nil is zero`() throws {
    let envelope = try Envelope(
      message(
        ("MsgKey", "t"), ("Sender", .null), ("Time", .null), ("OriginJobId", .null), ("RetryTimes", .null),
        ("LogId", .null), ("Delay", .null), ("Priority", .null), ("Context", .null), ("Owl_context", .null)))
    #expect(envelope.sender == "" && envelope.context == "" && envelope.owlContext == "")
    #expect(envelope.time == 0)
    #expect(envelope.originJobID == 0 && envelope.retryTimes == 0 && envelope.logID == 0)
    #expect(envelope.delay == 0 && envelope.priority == 0)
  }

  @Test(arguments: [
    ("msgKey", true), ("MsgKey", true), ("MSGKEY", false), ("msgkey", false), ("MsgKeys", false), ("\u{0}sgKey", false),
  ])
  func `keys match with their first letter upper-cased, and no further`(key: String, matches: Bool) {
    let envelope = try? Envelope(message((.text(key), "t")))
    #expect((envelope != nil) == matches)
  }

  @Test func `all keys match in lower case`() throws {
    let envelope = try Envelope(
      message(
        ("msgKey", "t"), ("sender", "s"), ("time", 1.5), ("originJobId", 1), ("retryTimes", 2), ("logId", 3),
        ("delay", 4), ("priority", 5), ("context", "c"), ("owl_context", "o"), ("body", 6)))
    #expect(envelope.sender == "s" && envelope.context == "c" && envelope.owlContext == "o")
    #expect(envelope.time == 1.5)
    #expect(envelope.originJobID == 1 && envelope.retryTimes == 2 && envelope.logID == 3)
    #expect(envelope.delay == 4 && envelope.priority == 5 && envelope.hasPriority)
    #expect(envelope.bytes[envelope.body] == [6])
  }

  @Test func `the last of equal keys counts, in either case`() throws {
    let envelope = try Envelope(
      message(
        ("MsgKey", "first"), ("msgKey", "last"), ("Delay", .bool(true)), ("Delay", 7), ("Body", 1), ("body", 2)))
    #expect(envelope.topic == "last")
    #expect(envelope.delay == 7)
    #expect(envelope.bytes[envelope.body] == [2])
  }

  @Test func `a bad value counts if it is the last one`() {
    #expect(throws: MessageError.self) {
      try Envelope(message(("MsgKey", "t"), ("Delay", 7), ("Delay", .bool(true))))
    }
  }

  @Test(arguments: [
    Value.raw([0xa1, 0x74]), .raw([0xd9, 1, 0x74]), .raw([0xda, 0, 1, 0x74]), .raw([0xdb, 0, 0, 0, 1, 0x74]),
    .raw([0xc4, 1, 0x74]), .raw([0xc5, 0, 1, 0x74]), .raw([0xc6, 0, 0, 0, 1, 0x74]),
  ])
  func `every string family is a string, as key and as value`(text: Value) throws {
    #expect(try Envelope(message(("MsgKey", text))).topic == "t")
    var long = Array("MsgKey".utf8)
    long.insert(contentsOf: [0xda, 0, 6], at: 0)
    #expect(try Envelope(message((.raw(long), text))).topic == "t")
  }

  @Test func `every map family is a map`() throws {
    let entry = Value.text("MsgKey").bytes + Value.text("t").bytes
    for head: [UInt8] in [[0x81], [0xde, 0, 1], [0xdf, 0, 0, 0, 1]] {
      #expect(try Envelope(head + entry).topic == "t")
    }
  }

  @Test func `malformed UTF-8 in a context is replaced`() throws {
    let envelope = try Envelope(message(("MsgKey", "t"), ("Context", .raw([0xa3, 0x61, 0xff, 0x62]))))
    #expect(envelope.context == "a\u{fffd}b")
  }

  @Test func `a context that is no string is empty`() throws {
    #expect(try Envelope(message(("MsgKey", "t"), ("Context", 5), ("Sender", .array([])))).context == "")
  }
}

@Suite("§3 Undecodable")
struct UndecodableTests {
  func code(_ bytes: [UInt8]) -> MessageError.Code? {
    do throws(MessageError) {
      _ = try Envelope(bytes)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func `what is no map`() {
    #expect(code([]) == .notAMap)
    #expect(code(Value.null.bytes) == .notAMap)
    #expect(code(Value.array(["MsgKey", "t"]).bytes) == .notAMap)
    #expect(code(Value.text("MsgKey").bytes) == .notAMap)
  }

  @Test func `a topic that is missing, nil or empty`() {
    #expect(code(message()) == .noTopic)
    #expect(code(message(("Body", 1))) == .noTopic)
    #expect(code(message(("MsgKey", .null))) == .noTopic)
    #expect(code(message(("MsgKey", ""))) == .noTopic)
    #expect(code(message(("MsgKey", .binary([])))) == .noTopic)
  }

  @Test func `a topic that is no string, or not UTF-8`() {
    #expect(code(message(("MsgKey", 5))) == .badTopic)
    #expect(code(message(("MsgKey", .array(["t"])))) == .badTopic)
    #expect(code(message(("MsgKey", .raw([0xa1, 0xff])))) == .badTopic)
    #expect(code(message(("MsgKey", .binary([0xc3])))) == .badTopic)
    #expect(code(message(("MsgKey", .raw([0xd4, 1, 0x74])))) == .badTopic)
  }

  @Test func `bytes that are left over`() {
    #expect(code(message(("MsgKey", "t")) + [0xc0]) == .leftOver)
  }

  @Test func `the byte that msgpack never uses`() {
    #expect(code(message(("MsgKey", "t"), ("Body", .raw([0xc1])))) == .malformed)
    #expect(code(message(("MsgKey", "t"), (.raw([0xc1]), 1))) == .malformed)
  }

  @Test func `every error says what and where`() {
    do throws(MessageError) {
      _ = try Envelope(message(("MsgKey", "t"), ("LogId", .bool(true))))
      Issue.record("decoded")
    } catch {
      #expect(error.description == "number expected, out of range or none (LogId, byte 16)")
    }
  }
}
