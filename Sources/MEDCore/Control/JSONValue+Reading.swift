extension JSONValue {
  /// Lists and objects within each other.
  public static let maximumDepth = 64
  /// Values of one text, those within others counted too: each takes more memory than its bytes do.
  public static let maximumValues = 100_000

  /// Reads a text: UTF-8, one value with nothing after it but space.
  /// - Throws: where it stops being JSON, or which bound it breaks.
  /// - Source: RFC 8259
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    var reader = JSONReader(bytes)
    self = try reader.text()
  }
}

/// A text that isn't JSON, or more of it than is taken.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public let problem: String
  /// Where, in bytes from the beginning.
  public let offset: Int

  /// Both, for people.
  public var description: String { "\(problem) at byte \(offset)" }
}

/// Reads values from bytes. Total: whatever the bytes are, it ends with a value or an error.
private struct JSONReader {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0
  private var values = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func text() throws(JSONError) -> JSONValue {
    let value = try value()
    skipSpace()
    guard peek() == nil else { throw error("something follows the value") }
    return value
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipSpace()
    values += 1
    guard values <= JSONValue.maximumValues else { throw error("more than \(JSONValue.maximumValues) values") }
    switch peek() {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .boolean(true))
    case UInt8(ascii: "f"): return try literal("false", .boolean(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case nil: throw error("the text ends")
    default: return try number()
    }
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    try open()
    var members: [String: JSONValue] = [:]
    if take("}") { return close(.object(members)) }
    while true {
      skipSpace()
      guard peek() == UInt8(ascii: "\"") else { throw error("a name in quotes is expected") }
      let name = try string()
      skipSpace()
      guard take(":") else { throw error("a colon is expected") }
      members[name] = try value()
      skipSpace()
      if take("}") { return close(.object(members)) }
      guard take(",") else { throw error("a comma or } is expected") }
    }
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    try open()
    var elements: [JSONValue] = []
    if take("]") { return close(.array(elements)) }
    while true {
      elements.append(try value())
      skipSpace()
      if take("]") { return close(.array(elements)) }
      guard take(",") else { throw error("a comma or ] is expected") }
    }
  }

  private mutating func open() throws(JSONError) {
    guard depth < JSONValue.maximumDepth else { throw error("more than \(JSONValue.maximumDepth) levels") }
    depth += 1
    position += 1
    skipSpace()
  }

  private mutating func close(_ value: JSONValue) -> JSONValue {
    depth -= 1
    return value
  }

  private mutating func literal(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    for byte in text.utf8 {
      guard peek() == byte else { throw error("\(text) is expected") }
      position += 1
    }
    return value
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    _ = take("-")
    if !take("0") { try digits() }
    var isWhole = true
    if take(".") {
      isWhole = false
      try digits()
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let number = Int(text) { return .integer(number) }
    // Beyond the range of doubles it is an infinity, which no command takes.
    return .double(Double(text) ?? .infinity)
  }

  private mutating func digits() throws(JSONError) {
    let start = position
    while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    if position == start { throw error("a value is expected") }
  }

  // MARK: Strings

  private mutating func string() throws(JSONError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw error("a string is not UTF-8") }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        position += 1
        try appendEscaped(to: &text)
      case 0..<0x20:
        throw error("a control character in a string")
      default:
        position += 1
        text.append(byte)
      }
    }
    throw error("a string doesn't end")
  }

  private mutating func appendEscaped(to text: inout [UInt8]) throws(JSONError) {
    guard let byte = peek() else { throw error("a string doesn't end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text += try unicodeScalar().utf8Bytes
    default: throw error("an unknown escape")
    }
  }

  /// Halves of a pair that stand alone become U+FFFD.
  private mutating func unicodeScalar() throws(JSONError) -> Unicode.Scalar {
    let first = try fourHexDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    let before = position
    if UTF16.isLeadSurrogate(UInt16(truncatingIfNeeded: first)), take("\\"), take("u") {
      let second = try fourHexDigits()
      if UTF16.isTrailSurrogate(UInt16(truncatingIfNeeded: second)),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) * 0x400 + (second - 0xDC00))
      {
        return scalar
      }
    }
    position = before
    return "\u{FFFD}"
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    var number: UInt32 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch peek() {
      case .some(let byte) where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): digit = byte - 0x30
      case .some(let byte) where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte): digit = byte - 0x61 + 10
      case .some(let byte) where (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte): digit = byte - 0x41 + 10
      default: throw error("four hexadecimal digits are expected")
      }
      number = number << 4 | UInt32(digit)
      position += 1
    }
    return number
  }

  // MARK: Bytes

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
  }

  private func error(_ problem: String) -> JSONError { JSONError(problem: problem, offset: position) }
}

extension Unicode.Scalar {
  fileprivate var utf8Bytes: [UInt8] { UTF8.encode(self).map(Array.init) ?? [] }
}
