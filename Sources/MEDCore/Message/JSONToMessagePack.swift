/// Turns a JSON text into msgpack. Strict (RFC 8259), bounded, total on any input.
///
/// Integers that fit 64 bits stay integers, other numbers become doubles. Of two equal keys both are kept.
public struct JSONToMessagePack {
  /// Where a text isn't JSON, and why.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    /// In bytes from the beginning.
    public let offset: Int
    /// What is wrong there.
    public let message: String

    /// Both, for people.
    public var description: String { "not JSON at byte \(offset): \(message)" }
  }

  /// A message may nest 128 levels, and the map around the body is one.
  public static let maximumDepth = 127

  private let input: [UInt8]
  private var position = 0

  private init(_ input: [UInt8]) { self.input = input }

  /// - Returns: the value as msgpack.
  /// - Throws: where `text` isn't JSON, or nests too deep.
  public static func convert(_ text: [UInt8]) throws(Failure) -> [UInt8] {
    var converter = JSONToMessagePack(text)
    var writer = MessagePackWriter()
    try converter.value(into: &writer, depth: 1)
    converter.skipSpace()
    guard converter.position == text.count else { throw converter.failure("something after the value") }
    return writer.bytes
  }

  private func failure(_ message: String) -> Failure { Failure(offset: position, message: message) }

  private var byte: UInt8? { position < input.count ? input[position] : nil }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ expected: Character) -> Bool {
    skipSpace()
    guard let byte, byte == expected.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func value(into writer: inout MessagePackWriter, depth: Int) throws(Failure) {
    skipSpace()
    switch byte {
    case UInt8(ascii: "{"): try object(into: &writer, depth: depth)
    case UInt8(ascii: "["): try array(into: &writer, depth: depth)
    case UInt8(ascii: "\""): writer.string(try string())
    case UInt8(ascii: "t"):
      try word("true")
      writer.bool(true)
    case UInt8(ascii: "f"):
      try word("false")
      writer.bool(false)
    case UInt8(ascii: "n"):
      try word("null")
      writer.null()
    case nil: throw failure("the text ends where a value is expected")
    default: try number(into: &writer)
    }
  }

  private mutating func word(_ word: String) throws(Failure) {
    guard input[position...].starts(with: word.utf8) else { throw failure("no value") }
    position += word.utf8.count
  }

  private mutating func array(into writer: inout MessagePackWriter, depth: Int) throws(Failure) {
    guard depth <= Self.maximumDepth else { throw failure("nested too deep") }
    position += 1
    var items = MessagePackWriter()
    var count: UInt32 = 0
    if !take("]") {
      repeat {
        try value(into: &items, depth: depth + 1)
        count += 1
      } while take(",")
      guard take("]") else { throw failure("a comma or ] is expected") }
    }
    writer.array(count)
    writer.raw(items.bytes)
  }

  private mutating func object(into writer: inout MessagePackWriter, depth: Int) throws(Failure) {
    guard depth <= Self.maximumDepth else { throw failure("nested too deep") }
    position += 1
    var items = MessagePackWriter()
    var count: UInt32 = 0
    if !take("}") {
      repeat {
        skipSpace()
        guard byte == UInt8(ascii: "\"") else { throw failure("a key in quotes is expected") }
        items.string(try string())
        guard take(":") else { throw failure("a colon is expected") }
        try value(into: &items, depth: depth + 1)
        count += 1
      } while take(",")
      guard take("}") else { throw failure("a comma or } is expected") }
    }
    writer.map(count)
    writer.raw(items.bytes)
  }

  private mutating func number(into writer: inout MessagePackWriter) throws(Failure) {
    let start = position
    var isInteger = true
    if byte == UInt8(ascii: "-") { position += 1 }
    let first = byte
    guard digits() > 0 else { throw Failure(offset: start, message: "no value") }
    if first == UInt8(ascii: "0"), position - start > (input[start] == UInt8(ascii: "-") ? 2 : 1) {
      throw Failure(offset: start, message: "a number with a leading zero")
    }
    if byte == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      guard digits() > 0 else { throw failure("a digit is expected") }
    }
    if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
      guard digits() > 0 else { throw failure("a digit is expected") }
    }
    let text = String(decoding: input[start..<position], as: UTF8.self)
    if isInteger, let number = Int64(text) { return writer.integer(number) }
    if isInteger, let number = UInt64(text) { return writer.integer(number) }
    guard let number = Double(text), number.isFinite else {
      throw Failure(offset: start, message: "a number out of range")
    }
    writer.double(number)
  }

  private mutating func digits() -> Int {
    let start = position
    while let byte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position - start
  }

  private mutating func string() throws(Failure) -> String {
    position += 1
    var content: [UInt8] = []
    while let byte {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else { throw failure("not UTF-8") }
        return text
      case UInt8(ascii: "\\"): content += try escape()
      case 0..<0x20: throw failure("a control character in a string")
      default: content.append(byte)
      }
    }
    throw failure("a string without an end")
  }

  private mutating func escape() throws(Failure) -> [UInt8] {
    guard let byte else { throw failure("a string without an end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw failure("an unknown escape")
    }
  }

  private mutating func unicodeEscape() throws(Failure) -> [UInt8] {
    var value = try hex()
    if (0xd800..<0xdc00).contains(value), input[position...].starts(with: [0x5c, UInt8(ascii: "u")]) {
      position += 2
      let low = try hex()
      guard (0xdc00..<0xe000).contains(low) else { throw failure("half a surrogate pair") }
      value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw failure("half a surrogate pair") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hex() throws(Failure) -> UInt32 {
    guard position + 4 <= input.count else { throw failure("four hex digits are expected") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(input[position])).hexDigitValue else {
        throw failure("four hex digits are expected")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
