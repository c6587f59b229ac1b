import Foundation
import Testing

@testable import MEDCore

/// The JSON text of a message with this body.
func json(_ body: Value) throws -> String {
  String(decoding: try PushBody.json(Envelope(message(body: body))), as: UTF8.self)
}

@Suite("§3 Body to JSON")
struct JSONBodyTests {
  @Test(arguments: [
    (Value.null, "null"), (.bool(true), "true"), (.bool(false), "false"), (0, "0"), (127, "127"), (-1, "-1"),
    (-32, "-32"), (-33, "-33"), (.int(.min), "-9223372036854775808"), (.int(.max), "9223372036854775807"),
    (.uint(.max), "18446744073709551615"), (.raw([0xcc, 7]), "7"), (.raw([0xcd, 0, 99]), "99"),
    (.raw([0xce, 0xff, 0xff, 0xff, 0xff]), "4294967295"), (.raw([0xd0, 0x80]), "-128"),
    (.raw([0xd1, 0x80, 0]), "-32768"),
    (.raw([0xd2, 0x80, 0, 0, 0]), "-2147483648"), (.raw([0xd3, 255, 255, 255, 255, 255, 255, 255, 255]), "-1"),
  ])
  func `nil, booleans and integers`(value: Value, expected: String) throws {
    #expect(try json(value) == expected)
  }

  @Test func `a number of every length prints exactly`() throws {
    var value: UInt64 = 1
    for _ in 0..<20 {
      for number in [value, value - 1, value + 1] { #expect(try json(.uint(number)) == "\(number)") }
      value = value.multipliedReportingOverflow(by: 10).partialValue
    }
  }

  @Test(arguments: [
    (Value.double(0.1), "0.1"), (.double(1), "1"), (.double(-2), "-2"), (.double(-0.0), "-0"), (.double(0), "0"),
    (.double(1.5), "1.5"), (.float(0.1), "0.1"), (.float(16_777_216), "16777216"), (.double(1e300), "1e+300"),
    (.double(.leastNonzeroMagnitude), "5e-324"), (.double(1_700_000_000.123456), "1700000000.123456"),
    (.double(9_007_199_254_740_991), "9007199254740991"), (.float(3.4028235e38), "3.4028235e+38"),
  ])
  func `floats have the fewest digits of their width`(value: Value, expected: String) throws {
    #expect(try json(value) == expected)
  }

  @Test func `floats of any bits read back as they were`() throws {
    var random = SplitMix(state: 3)
    for _ in 0..<2000 {
      let double = Double(bitPattern: random.next())
      let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
      let whole = Double(Int64(truncatingIfNeeded: random.next()) >> Int64.random(in: 0...63, using: &random))
      let price =
        Double(Int64.random(in: -10_000_000...10_000_000, using: &random))
        / pow(10, .random(in: 0...9, using: &random)).rounded()
      for value in [double, whole, price, price.nextUp, price * 1000] where value.isFinite {
        let text = try json(.double(value))
        #expect(Double(text)?.bitPattern == value.bitPattern)
        #expect(text == (value.description.hasSuffix(".0") ? String(value.description.dropLast(2)) : value.description))
        #expect(JSONAnswer(Array(text.utf8)) == .notAnObject)
      }
      if float.isFinite { #expect(Float(try json(.float(float)))?.bitPattern == float.bitPattern) }
    }
  }

  @Test(arguments: [
    (Value.double(.nan), MessageError.Code.notFinite), (.double(.infinity), .notFinite),
    (.float(-.infinity), .notFinite),
    (.array([1, .float(.nan)]), .notFinite), (.raw([0xd4, 1, 0]), .extensionType),
    (.raw([0xc7, 0, 1]), .extensionType),
    (.raw([0xd6, 0xff, 0, 0, 0, 0]), .extensionType), (.map([("k", .raw([0xd4, 1, 0]))]), .extensionType),
    (.map([(.array([]), 1)]), .badKey), (.map([(.map([]), 1)]), .badKey), (.map([(.raw([0xd4, 1, 0]), 1)]), .badKey),
    (.map([(.double(.nan), 1)]), .notFinite),
  ])
  func `what JSON can't hold is an error of the push, not of the envelope`(body: Value, code: MessageError.Code) throws
  {
    let envelope = try Envelope(message(body: body))
    for attempt in [
      { try PushBody.json(envelope) }, { try PushBody.form(jobID: "", retryTimes: 0, envelope: envelope) },
    ] {
      do {
        _ = try attempt()
        Issue.record("transcoded")
      } catch {
        #expect((error as? MessageError)?.code == code)
      }
    }
  }

  @Test func `containers nest, and empty ones stay`() throws {
    #expect(try json(.array([])) == "[]")
    #expect(try json(.map([])) == "{}")
    #expect(try json(.array([.array([]), .map([]), .array([1, .array([2])])])) == "[[],{},[1,[2]]]")
    #expect(try json(.map([("a", .map([("b", .array([1, 2]))])), ("c", .null)])) == #"{"a":{"b":[1,2]},"c":null}"#)
    #expect(try json(.raw([0xdc, 0, 2, 1, 2])) == "[1,2]")
    #expect(try json(.raw([0xdd, 0, 0, 0, 1, 0xde, 0, 1, 1, 2])) == #"[{"1":2}]"#)
    #expect(try json(.raw([0xdf, 0, 0, 0, 1, 0xc0, 2])) == #"{"null":2}"#)
  }

  @Test func `keys become strings as their values would print`() throws {
    let body = Value.map([
      ("s", 1), (5, 2), (-5, 3), (1.5, 4), (.double(2), 5), (.bool(true), 6), (.bool(false), 7), (.null, 8),
      (.binary([0x61]), 9), (.uint(.max), 10), (.float(0.1), 11),
    ])
    #expect(
      try json(body)
        == #"{"s":1,"5":2,"-5":3,"1.5":4,"2":5,"true":6,"false":7,"null":8,"a":9,"18446744073709551615":10,"0.1":11}"#)
  }

  @Test func `equal keys go on as they are`() throws {
    #expect(try json(.map([("a", 1), ("a", 2)])) == #"{"a":1,"a":2}"#)
  }

  @Test func `bin is base64 at every length`() throws {
    var random = SplitMix(state: 9)
    for length in 0..<70 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(try json(.binary(bytes)) == "\"\(Data(bytes).base64EncodedString())\"")
    }
    #expect(try json(.binary([0xfb, 0xff])) == #""+/8=""#)
  }

  @Test func `a message without a body is null`() throws {
    #expect(try PushBody.json(Envelope(message(("MsgKey", "t")))) == Array("null".utf8))
  }
}

@Suite("§3 Text to JSON")
struct JSONTextTests {
  @Test func `quotes, backslashes and control characters are escaped, all else stays`() throws {
    #expect(try json("a\"b\\c/d") == #""a\"b\\c/d""#)
    #expect(try json("\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}") == "\"\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}\"")
    #expect(try json("聚美 ü 🎉") == "\"聚美 ü 🎉\"")
  }

  @Test func `every ASCII character survives at every place in a text`() throws {
    for byte in UInt8(0)...0x7f {
      for before in 0..<9 {
        let text = String(repeating: "x", count: before) + String(UnicodeScalar(byte)) + "yyyyyyyyy"
        let decoded = try JSONDecoder().decode(String.self, from: Data(try json(.text(text)).utf8))
        #expect(Array(decoded.utf8) == Array(text.utf8))
      }
    }
  }

  @Test(
    arguments: [
      ([0xff], 1), ([0xc3], 1), ([0xc3, 0x28], 1), ([0xe2, 0x82], 1), ([0xe2, 0x82, 0x41], 1), ([0xf0, 0x9f, 0x8e], 1),
      ([0xed, 0xa0, 0x80], 3), ([0xc0, 0xaf], 2), ([0xe0, 0x80, 0x80], 3), ([0xf4, 0x90, 0x80, 0x80], 4),
      ([0x80, 0xbf], 2),
      ([0xf5, 0x80], 2), ([0xf1, 0x80, 0xe1, 0x80, 0xc2], 3),
    ] as [([UInt8], Int)])
  func `each maximal subpart of malformed UTF-8 becomes one U+FFFD`(bytes: [UInt8], count: Int) throws {
    let text = try json(.raw([0xd9, UInt8(bytes.count)] + bytes))
    #expect(text.unicodeScalars.count { $0 == "\u{fffd}" } == count)
    #expect(text == "\"\(String(decoding: bytes, as: UTF8.self))\"")
  }

  @Test func `any bytes become the text that Swift repairs them to`() throws {
    var random = SplitMix(state: 11)
    let telling: [UInt8] = [0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xe1, 0xed, 0xf0, 0xf1, 0xf4, 0xf8]
    for _ in 0..<5000 {
      let bytes = (0..<Int.random(in: 0...30, using: &random)).map { _ in telling.randomElement(using: &random)! }
      let text = try json(.raw([0xd9, UInt8(bytes.count)] + bytes))
      #expect(Array(text.utf8) == Array("\"\(String(decoding: bytes, as: UTF8.self))\"".utf8))
    }
  }
}

@Suite("§5 The form")
struct PushFormTests {
  private func form(_ body: Value, jobID: String = "j", retryTimes: UInt64 = 0) throws -> String {
    String(
      decoding: try PushBody.form(jobID: jobID, retryTimes: retryTimes, envelope: Envelope(message(body: body))),
      as: UTF8.self)
  }

  /// What a receiver reads from the field `message`.
  private func received(_ form: String) -> String? {
    let field = form.split(separator: "&")[1].dropFirst("message=".count)
    return field.replacing("+", with: " ").removingPercentEncoding
  }

  @Test func `three fields in a fixed order`() throws {
    #expect(
      try form(.map([("a b", "x/y")]), jobID: "1.500000-2-3", retryTimes: 12)
        == "jobid=1.500000-2-3&message=%7B%22a+b%22%3A%22x%2Fy%22%7D&retry_times=12")
    #expect(
      try form(.null, jobID: "ü &=", retryTimes: .max)
        == "jobid=%C3%BC+%26%3D&message=null&retry_times=18446744073709551615")
  }

  @Test func `only letters, digits and four marks go unencoded`() throws {
    for byte in UInt8(0)...0x7f {
      let form = try form(.text(String(UnicodeScalar(byte))))
      let field = form.split(separator: "&")[1].dropFirst("message=%22".count).dropLast("%22".count)
      #expect(
        field.utf8.allSatisfy { UnicodeScalar($0).properties.isAlphabetic || "0123456789*-._%+".utf8.contains($0) })
    }
  }

  @Test(arguments: validMessages)
  func `the receiver gets the JSON of the message`(bytes: [UInt8]) throws {
    let envelope = try Envelope(bytes)
    let form = String(decoding: try PushBody.form(jobID: "j", retryTimes: 1, envelope: envelope), as: UTF8.self)
    #expect(received(form) == String(decoding: try PushBody.json(envelope), as: UTF8.self))
  }

  @Test func `any text and number reaches the receiver`() throws {
    var random = SplitMix(state: 21)
    for _ in 0..<500 {
      let scalars = (0..<Int.random(in: 0...60, using: &random)).compactMap { _ in
        UnicodeScalar(UInt32.random(in: 0...(Bool.random(using: &random) ? 0x7f : 0x10ffff), using: &random))
      }
      let text = String(String.UnicodeScalarView(scalars))
      let body = Value.array([.text(text), .double(1e300), .binary(Array(text.utf8)), .map([(.text(text), -1)])])
      #expect(received(try form(body)).map { Array($0.utf8) } == Array(try json(body).utf8))
    }
  }

  @Test func `a large body outgrows the first buffer unharmed`() throws {
    let text = String(repeating: "\u{1}", count: 60000)
    #expect(received(try form(.text(text)))?.utf8.count == 6 * 60000 + 2)
  }
}
