import MEDCore
import Testing

@Suite("§3 Numbers")
struct EnvelopeNumberTests {
  private func unsigned(_ value: Value) -> UInt64? {
    try? Envelope(message(("MsgKey", "t"), ("LogId", value))).logID
  }

  private func time(_ value: Value) -> Double? {
    try? Envelope(message(("MsgKey", "t"), ("Time", value))).time
  }

  @Test(
    arguments: [
      (Value.raw([0x05]), 5), (.raw([0xcc, 200]), 200), (.raw([0xcd, 1, 0]), 256), (.raw([0xce, 0, 1, 0, 0]), 65536),
      (.raw([0xcf, 255, 255, 255, 255, 255, 255, 255, 255]), UInt64.max), (.raw([0xd0, 5]), 5),
      (.raw([0xd1, 1, 0]), 256),
      (.raw([0xd2, 0, 1, 0, 0]), 65536), (.raw([0xd3, 0, 0, 0, 1, 0, 0, 0, 0]), 1 << 32), (.float(3), 3),
      (.double(4_294_967_296), 1 << 32), (.double(-0.0), 0),
    ] as [(Value, UInt64)])
  func `an unsigned number may come in any family`(value: Value, expected: UInt64) {
    #expect(unsigned(value) == expected)
  }

  @Test(
    arguments: [
      ("", 0), ("0", 0), ("00012", 12), ("+7", 7), ("12.0", 12), ("12.", 12), ("1e3", 1000), ("1.5E1", 15),
      ("150e-1", 15),
      ("0.0e-99999999999999999999", 0), ("-0", 0), ("-0.0", 0), ("18446744073709551615", UInt64.max),
      ("1844674407370955161.50e1", 18_446_744_073_709_551_615), ("0e99999999999999999999", 0),
    ] as [(String, UInt64)])
  func `an unsigned number may come as decimal text`(text: String, expected: UInt64) {
    #expect(unsigned(.text(text)) == expected)
    #expect(unsigned(.binary(Array(text.utf8))) == expected)
  }

  @Test(arguments: [
    "-1", "1.5", "18446744073709551616", "1e20", "1e99999999999999999999", "1e-1", "abc", "1x", "0x10", "nan", "inf",
    " 1", "1 ", ".", "+", "-", "e1", "1e", "1e+", "1.2.3", "1_000", "--1", "１", "1\u{0}",
  ])
  func `text that is no unsigned number is none`(text: String) {
    #expect(unsigned(.text(text)) == nil)
  }

  @Test(arguments: [
    Value.bool(true), .bool(false), .int(-1), .raw([0xff]), .double(.nan), .double(.infinity), .double(-1),
    .double(0.5),
    .double(18_446_744_073_709_551_616), .float(.nan), .float(1.5), .array([]), .map([]), .raw([0xd4, 0, 0]),
  ])
  func `a value that is no unsigned number is none`(value: Value) {
    #expect(unsigned(value) == nil)
  }

  @Test func `delay and priority are 32 bits wide, as the queue server has them`() throws {
    let largest = try Envelope(message(("MsgKey", "t"), ("Delay", "4294967295"), ("Priority", .uint(4_294_967_295))))
    #expect(largest.delay == .max && largest.priority == .max)
    #expect(throws: MessageError.self) { try Envelope(message(("MsgKey", "t"), ("Delay", 4_294_967_296))) }
    #expect(throws: MessageError.self) { try Envelope(message(("MsgKey", "t"), ("Priority", 4_294_967_296.0))) }
  }

  @Test(
    arguments: [
      (Value.double(1_700_000_000.123456), 1_700_000_000.123456), (.float(1.5), 1.5), (7, 7), (-7, -7),
      (.uint(.max), 0x1p64), ("1700000000.123456", 1_700_000_000.123456), ("1.5e3", 1500), ("", 0),
      ("-2.5", -2.5), (".5", 0.5), ("1e-400", 0), (.null, 0),
    ] as [(Value, Double)])
  func `the time may be any finite number`(value: Value, expected: Double) {
    #expect(time(value) == expected)
  }

  @Test(arguments: [
    Value.double(.nan), .double(.infinity), .double(-.infinity), .float(.nan), .bool(true), "nan", "inf", "1e999",
    "0x1p3", "1,5", " 1", .array([]), .map([]),
  ])
  func `a time that is no finite number is none`(value: Value) {
    #expect(time(value) == nil)
  }
}
