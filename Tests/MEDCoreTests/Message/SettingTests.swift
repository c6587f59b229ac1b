import MEDCore
import Testing

@Suite("§3 Setting fields in place")
struct SettingTests {
  @Test func `a field that is there is replaced, and every other byte stays`() throws {
    let before = message(("MsgKey", "t"), ("OriginJobId", 5), ("Body", "b"), ("x", 1))
    let after = message(("MsgKey", "t"), ("OriginJobId", 70000), ("Body", "b"), ("x", 1))
    #expect(try Envelope(before).setting(originJobID: 70000) == after)
    #expect(try Envelope(after).setting(originJobID: 5) == before)
  }

  @Test func `the key keeps its own spelling, and the map its own head`() throws {
    let before: [UInt8] =
      [0xdf, 0, 0, 0, 2] + Value.text("msgKey").bytes + Value.text("t").bytes + Value.text("logId").bytes
      + Value.text("12").bytes
    let after = before.dropLast(3) + [0xcd, 1, 44]
    #expect(try Envelope(before).setting(logID: 300) == Array(after))
  }

  @Test func `a field that is absent is appended`() throws {
    let before = message(("MsgKey", "t"), ("Body", "b"))
    let after = message(("MsgKey", "t"), ("Body", "b"), ("RetryTimes", 3))
    #expect(try Envelope(before).setting(retryTimes: 3) == after)
  }

  @Test func `of equal keys the last one, which counts, is replaced`() throws {
    let before = message(("LogId", 1), ("MsgKey", "t"), ("logId", 2), ("x", 3))
    let after = message(("LogId", 1), ("MsgKey", "t"), ("logId", 9), ("x", 3))
    #expect(try Envelope(before).setting(logID: 9) == after)
  }

  @Test func `nil in place is replaced`() throws {
    let before = message(("LogId", .null), ("MsgKey", "t"))
    #expect(try Envelope(before).setting(logID: 9) == message(("LogId", 9), ("MsgKey", "t")))
  }

  @Test func `several at once are as one after the other, wherever they stand`() throws {
    let orders: [[Value]] = [
      ["OriginJobId", "RetryTimes", "LogId"], ["LogId", "RetryTimes", "OriginJobId"],
      ["RetryTimes", "LogId", "OriginJobId"], ["LogId", "OriginJobId"], ["RetryTimes"], [],
    ]
    for order in orders {
      let bytes = Value.map([("MsgKey", "t")] + order.map { ($0, 1) } + [("Body", "b")]).bytes
      let together = try Envelope(bytes).setting(originJobID: 70000, retryTimes: 200, logID: .max)
      let first = try Envelope(bytes).setting(originJobID: 70000)
      let second = try Envelope(first).setting(retryTimes: 200)
      #expect(try Envelope(second).setting(logID: .max) == together)
    }
  }

  @Test func `nothing named, nothing changed`() throws {
    for bytes in validMessages { #expect(try Envelope(bytes).setting() == bytes) }
  }

  @Test(arguments: [1, 14, 15, 16, 65534, 65535, 65536])
  func `the head of the map grows with its count`(entries: Int) throws {
    let fillers: [(Value, Value)] = (0..<entries - 1).map { (.int(Int64($0)), .null) }
    let before = Value.map([("MsgKey", "t")] + fillers).bytes
    let after = Value.map([("MsgKey", "t")] + fillers + [("OriginJobId", 1)]).bytes
    #expect(try Envelope(before).setting(originJobID: 1) == after)
  }

  @Test func `a head wider than it must be is kept or grown`() throws {
    let entry = Value.text("MsgKey").bytes + Value.text("t").bytes
    let added = Value.text("LogId").bytes + [7]
    #expect(try Envelope([0xde, 0, 1] + entry).setting(logID: 7) == [0xde, 0, 2] + entry + added)
    #expect(try Envelope([0xdf, 0, 0, 0, 1] + entry).setting(logID: 7) == [0xdf, 0, 0, 0, 2] + entry + added)
  }

  @Test(arguments: validMessages)
  func `the other fields and the body survive`(bytes: [UInt8]) throws {
    let before = try Envelope(bytes)
    let after = try Envelope(before.setting(originJobID: 1 << 40, retryTimes: 65536, logID: 128))
    #expect(after.originJobID == 1 << 40 && after.retryTimes == 65536 && after.logID == 128)
    #expect(after.topic == before.topic && after.time == before.time && after.sender == before.sender)
    #expect(after.context == before.context && after.owlContext == before.owlContext)
    #expect(after.delay == before.delay && after.priority == before.priority)
    #expect(after.bytes[after.body] == before.bytes[before.body])
  }
}
