/// A validator of JSON text that looks out for `status` in the outermost object. Total and without recursion: which
/// containers are open is a bit for each.
///
/// The bytes are passed to every call because a type that kept the span would be bound to its scope.
/// - Source: RFC 8259
struct JSONScanner {
  static let maximumDepth = 128

  var position = 0
  private var depth = 0
  /// One bit for each open container, the innermost one lowest: 1 is an object.
  private var objects: UInt128 = 0

  private enum Kind {
    case container
    case string(isOne: Bool)
    case number(isOne: Bool)
    case literal
  }

  mutating func answer(in bytes: RawSpan) -> JSONAnswer {
    var result: JSONAnswer = .noStatus
    var isStatus = false
    skipSpace(in: bytes)
    if peek(in: bytes) != UInt8(ascii: "{") { result = .notAnObject }
    while true {
      guard let kind = value(in: bytes) else { return .notJSON }
      if isStatus {
        switch kind {
        case .number(let isOne), .string(let isOne): result = .status(isOne: isOne)
        case .container, .literal: result = .status(isOne: false)
        }
        isStatus = false
      }
      skipSpace(in: bytes)
      let begun = if case .container = kind { true } else { false }
      if begun, peek(in: bytes) != closing {
        // The container's first value follows.
      } else if begun {
        close()
        guard endsOrGoesOn(in: bytes) else { return .notJSON }
      } else {
        guard endsOrGoesOn(in: bytes) else { return .notJSON }
      }
      if depth == 0 { return position == bytes.byteCount ? result : .notJSON }
      if objects & 1 == 1 {
        guard let key = key(in: bytes) else { return .notJSON }
        isStatus = key && depth == 1
      }
    }
  }

  private var closing: UInt8 { objects & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]") }

  private mutating func close() {
    position += 1
    depth -= 1
    objects >>= 1
  }

  /// After a complete value: closes what ends here, up to the end of the text or the comma before the next value.
  private mutating func endsOrGoesOn(in bytes: RawSpan) -> Bool {
    while true {
      skipSpace(in: bytes)
      if depth == 0 { return true }
      let byte = peek(in: bytes)
      if byte == closing {
        close()
      } else if byte == UInt8(ascii: ",") {
        position += 1
        skipSpace(in: bytes)
        return true
      } else {
        return false
      }
    }
  }

  /// A key and its colon.
  /// - Returns: whether it is `status`; nil if there is none.
  private mutating func key(in bytes: RawSpan) -> Bool? {
    guard let isStatus = string(matching: "status", in: bytes) else { return nil }
    skipSpace(in: bytes)
    guard take(":", in: bytes) else { return nil }
    return isStatus
  }

  /// A scalar, or the beginning of a container.
  private mutating func value(in bytes: RawSpan) -> Kind? {
    skipSpace(in: bytes)
    switch peek(in: bytes) {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard depth < Self.maximumDepth else { return nil }
      objects = objects << 1 | (peek(in: bytes) == UInt8(ascii: "{") ? 1 : 0)
      depth += 1
      position += 1
      return .container
    case UInt8(ascii: "\""): return string(matching: "1", in: bytes).map { .string(isOne: $0) }
    case UInt8(ascii: "t"): return literal("true", in: bytes)
    case UInt8(ascii: "f"): return literal("false", in: bytes)
    case UInt8(ascii: "n"): return literal("null", in: bytes)
    default: return number(in: bytes).map { .number(isOne: $0) }
    }
  }

  private mutating func literal(_ text: StaticString, in bytes: RawSpan) -> Kind? {
    for index in 0..<text.utf8CodeUnitCount {
      guard peek(in: bytes) == text.utf8Start[index] else { return nil }
      position += 1
    }
    return .literal
  }

  private mutating func skipSpace(in bytes: RawSpan) {
    while position < bytes.byteCount {
      switch peek(in: bytes) {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  /// The next byte; 0, which begins nothing in JSON, at the end.
  @inline(__always)
  func peek(in bytes: RawSpan) -> UInt8 {
    position < bytes.byteCount ? bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self) : 0
  }

  @inline(__always)
  mutating func take(_ character: Unicode.Scalar, in bytes: RawSpan) -> Bool {
    guard peek(in: bytes) == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }
}
