import Testing

@testable import MEDCore

@Suite("§8 JSON of commands")
struct JSONValueTests {
  private static func read(_ text: String) throws(JSONError) -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

  private static let values: [(String, JSONValue)] = [
    ("null", JSONValue.null), (" true ", true), ("false", false), ("0", 0), ("-12", -12),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("1.5", .double(1.5)), ("1e2", .double(100)),
    ("1E400", .double(.infinity)), (#""""#, ""), (#""a\"\\\/\b\f\n\r\té""#, "a\"\\/\u{8}\u{C}\n\r\té"),
    (#""\u00e9\ud83d\ude00""#, "é😀"), (#""\ud83d""#, "\u{FFFD}"), (#""\ud83dx\ude00""#, "\u{FFFD}x\u{FFFD}"),
    (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"), ("[]", []), ("[1, [2],{}]", [1, [2], [:]]),
    (#"{"a":1,"b":{"c":[]},"a":2}"#, ["a": 2, "b": ["c": []]]),
  ]

  @Test(arguments: values)
  func `a value is read`(text: String, value: JSONValue) throws {
    #expect(try Self.read(text) == value)
  }

  @Test(arguments: [
    "", " ", "nul", "tru", "01", "1.", ".5", "+1", "1e", "-", "--1", "0x1", "NaN", "Infinity", "'a'", "\"a", "\"\\x\"",
    "\"\\u12\"", "\"\n\"", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "{1:2}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#,
    #"{"a":1 "b":2}"#, "]", "1 2", "{} {}", "[1]]", "\u{FEFF}1",
  ])
  func `anything else is refused`(text: String) {
    #expect(throws: JSONError.self) { try Self.read(text) }
  }

  @Test func `a string must be UTF-8`() {
    #expect(throws: JSONError(problem: "a string is not UTF-8", offset: 2)) {
      try JSONValue(parsing: [0x22, 0xFF, 0x22])
    }
  }

  @Test func `nesting and the number of values are bounded`() throws {
    let deepest = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    _ = try Self.read(deepest)
    #expect(throws: JSONError.self) { try Self.read("[" + deepest + "]") }
    let most = "[" + String(repeating: "1,", count: 99_998) + "1]"
    _ = try Self.read(most)
    #expect(throws: JSONError.self) { try Self.read("[" + most + "]") }
  }

  @Test(arguments: [
    "null", "true", "-3", "[]", "{}", #"{"a":[1,"x"],"b":null}"#, #""\"\\\n\r\t\u0001\u007fé😀""#, "2.5",
  ])
  func `what is written is what was read`(text: String) throws {
    #expect(String(decoding: try Self.read(text).bytes, as: UTF8.self) == text)
  }

  @Test func `what JSON can't hold is null`() {
    #expect(JSONValue.array([.double(.nan), .double(.infinity)]).bytes == Array("[null,null]".utf8))
  }
}
