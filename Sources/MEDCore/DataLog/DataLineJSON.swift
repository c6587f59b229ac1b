/// Why a line is none of a DATA log.
public enum DataLineFault: Error, Sendable, Equatable {
  /// It doesn't begin with a time and a space.
  case time
  /// No known kind follows the time.
  case kind
  /// No JSON object follows the kind, or something follows the object; at that byte of the line.
  case json(at: Int)
  /// A field has a value that it can't have.
  case field(String)
}

extension DataLineFault: CustomStringConvertible {
  /// For people.
  public var description: String {
    switch self {
    case .time: "no time at the beginning"
    case .kind: "no known kind after the time"
    case .json(let offset): "malformed JSON at byte \(offset)"
    case .field(let name): "\(name) has a value that it can't have"
    }
  }
}

/// Reads one JSON object member by member, strictly (RFC 8259), without building a tree.
///
/// Never traps, whatever the bytes are; nesting is bounded by `maximumDepth`. Offsets are the slice's own indices.
struct DataLineJSON {
  /// A message nests 128 deep; the line's own object is around it.
  static let maximumDepth = 256

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Calls `member` with each key and the text of its value, and expects nothing but blanks behind the object.
  mutating func readObject(
    _ member: (String, ArraySlice<UInt8>) throws(DataLineFault) -> Void
  ) throws(DataLineFault) {
    skipBlanks()
    try readMembers(depth: 1, member)
    skipBlanks()
    guard position == bytes.endIndex else { throw fault }
  }

  /// The text of a string value, escapes undone; nil if it isn't one or isn't Unicode.
  static func string(_ value: ArraySlice<UInt8>) -> String? {
    guard value.count >= 2, value.first == quote, value.last == quote else { return nil }
    let inner = value.dropFirst().dropLast()
    guard inner.contains(backslash) else { return String(validating: inner, as: UTF8.self) }
    var text: [UInt8] = []
    text.reserveCapacity(inner.count)
    var rest = inner
    while let byte = rest.popFirst() {
      guard byte == backslash else {
        text.append(byte)
        continue
      }
      guard let scalar = unescape(&rest) else { return nil }
      text += Array(String(Character(scalar)).utf8)
    }
    return String(validating: text, as: UTF8.self)
  }

  private static let quote = UInt8(ascii: "\"")
  private static let backslash = UInt8(ascii: "\\")

  private static func unescape(_ rest: inout ArraySlice<UInt8>) -> Unicode.Scalar? {
    switch rest.popFirst() {
    case quote: return "\""
    case backslash: return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      guard let unit = codeUnit(&rest) else { return nil }
      guard 0xD800...0xDBFF ~= unit else { return Unicode.Scalar(unit) }
      guard rest.popFirst() == backslash, rest.popFirst() == UInt8(ascii: "u"), let low = codeUnit(&rest),
        0xDC00...0xDFFF ~= low
      else { return nil }
      return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    default: return nil
    }
  }

  private static func codeUnit(_ rest: inout ArraySlice<UInt8>) -> UInt32? {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = rest.popFirst().flatMap(hexValue) else { return nil }
      unit = unit << 4 | digit
    }
    return unit
  }

  private static func hexValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 48...57: UInt32(byte - 48)
    case 65...70: UInt32(byte - 55)
    case 97...102: UInt32(byte - 87)
    default: nil
    }
  }

  // MARK: Grammar

  private var fault: DataLineFault { .json(at: position) }
  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
  }

  private mutating func readMembers(
    depth: Int, _ member: (String, ArraySlice<UInt8>) throws(DataLineFault) -> Void
  ) throws(DataLineFault) {
    guard take("{") else { throw fault }
    skipBlanks()
    if take("}") { return }
    repeat {
      skipBlanks()
      let keyStart = position
      try skipString()
      guard let key = Self.string(bytes[keyStart..<position]) else { throw fault }
      skipBlanks()
      guard take(":") else { throw fault }
      skipBlanks()
      let valueStart = position
      try skipValue(depth: depth)
      try member(key, bytes[valueStart..<position])
      skipBlanks()
    } while take(",")
    guard take("}") else { throw fault }
  }

  private mutating func skipValue(depth: Int) throws(DataLineFault) {
    switch next {
    case UInt8(ascii: "{"):
      guard depth < Self.maximumDepth else { throw fault }
      try readMembers(depth: depth + 1) { (_, _) throws(DataLineFault) in }
    case UInt8(ascii: "["):
      guard depth < Self.maximumDepth else { throw fault }
      try skipArray(depth: depth + 1)
    case Self.quote: try skipString()
    case UInt8(ascii: "t"): try skipWord("true")
    case UInt8(ascii: "f"): try skipWord("false")
    case UInt8(ascii: "n"): try skipWord("null")
    default: try skipNumber()
    }
  }

  private mutating func skipArray(depth: Int) throws(DataLineFault) {
    position += 1
    skipBlanks()
    if take("]") { return }
    repeat {
      skipBlanks()
      try skipValue(depth: depth)
      skipBlanks()
    } while take(",")
    guard take("]") else { throw fault }
  }

  private mutating func skipWord(_ word: StaticString) throws(DataLineFault) {
    for index in 0..<word.utf8CodeUnitCount {
      guard next == word.utf8Start[index] else { throw fault }
      position += 1
    }
  }

  private mutating func skipNumber() throws(DataLineFault) {
    _ = take("-")
    if !take("0") { try skipDigits() }
    if take(".") { try skipDigits() }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try skipDigits()
    }
  }

  private mutating func skipDigits() throws(DataLineFault) {
    let start = position
    while let byte = next, 48...57 ~= byte { position += 1 }
    guard position > start else { throw fault }
  }

  private mutating func skipString() throws(DataLineFault) {
    guard take("\"") else { throw fault }
    while let byte = next {
      guard byte >= 0x20 else { throw fault }
      position += 1
      if byte == Self.quote { return }
      guard byte == Self.backslash else { continue }
      var rest = bytes[position...]
      guard Self.unescape(&rest) != nil else { throw fault }
      position = rest.startIndex
    }
    throw fault
  }
}
