/// What a subscriber's answer says, judged over its whole text (SPEC §5).
enum JSONAnswer: Equatable {
  /// Not JSON (RFC 8259, UTF-8, no byte order mark), or nested deeper than ``JSONScanner/maximumDepth``.
  case notJSON
  /// JSON, but no object.
  case notAnObject
  case noStatus
  /// `status` is there: is it 1? Of several the last one counts.
  case status(isOne: Bool)

  init(_ bytes: [UInt8]) {
    var scanner = JSONScanner()
    self = scanner.answer(in: bytes.span.bytes)
  }
}

/// A validator of JSON text that looks out for `status` in the outermost object. Total and without recursion: which
/// containers are open is a bit for each.
///
/// The bytes are passed to every call because a type that kept the span would be bound to its scope.
/// - Source: RFC 8259
struct JSONScanner {
  static let maximumDepth = 128

  private var position = 0
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
  private func peek(in bytes: RawSpan) -> UInt8 {
    position < bytes.byteCount ? bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self) : 0
  }

  @inline(__always)
  private mutating func take(_ character: Unicode.Scalar, in bytes: RawSpan) -> Bool {
    guard peek(in: bytes) == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }
}

// MARK: - Strings

extension JSONScanner {
  /// A string.
  /// - Parameter target: ASCII.
  /// - Returns: whether what it stands for, escapes undone, is `target`; nil if it is no string.
  private mutating func string(matching target: StaticString, in bytes: RawSpan) -> Bool? {
    guard take("\"", in: bytes) else { return nil }
    // How many characters agreed so far; −1 once one did not.
    var agreed = 0
    func compare(_ unit: UInt16, _ agreed: Int) -> Int {
      agreed >= 0 && agreed < target.utf8CodeUnitCount && unit == UInt16(target.utf8Start[agreed]) ? agreed + 1 : -1
    }
    while position < bytes.byteCount {
      let byte = peek(in: bytes)
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return agreed == target.utf8CodeUnitCount
      case UInt8(ascii: "\\"):
        guard let unit = escape(in: bytes) else { return nil }
        agreed = compare(unit, agreed)
      case 0x00...0x1f:
        return nil
      case 0x80...:
        let length = UTF8Scan.sequence(at: position, before: bytes.byteCount, in: bytes)
        guard length > 0 else { return nil }
        position += length
        agreed = -1
      default:
        position += 1
        agreed = compare(UInt16(byte), agreed)
      }
    }
    return nil
  }

  /// An escape; of a surrogate pair, which the grammar does not ask to be whole, one half.
  private mutating func escape(in bytes: RawSpan) -> UInt16? {
    position += 1
    let byte = peek(in: bytes)
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "f"): return 0x0c
    case UInt8(ascii: "n"): return 0x0a
    case UInt8(ascii: "r"): return 0x0d
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "u"): break
    default: return nil
    }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch peek(in: bytes) {
      case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case let byte where byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"):
        digit = (byte | 0x20) - UInt8(ascii: "a") + 10
      default: return nil
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }
}

// MARK: - Numbers

extension JSONScanner {
  /// A number.
  /// - Returns: whether it is exactly 1, however written (`1.0`, `10e-1`); nil if it is no number.
  private mutating func number(in bytes: RawSpan) -> Bool? {
    let isNegative = take("-", in: bytes)
    // It is 1 if one digit is not zero, that one is 1, and it stands for 10⁰.
    var ones = Ones()
    if !take("0", in: bytes) {
      guard digits(in: bytes, { ones.whole($0) }) else { return nil }
    }
    if take(".", in: bytes) {
      guard digits(in: bytes, { ones.fraction($0) }) else { return nil }
    }
    var exponent = 0
    if peek(in: bytes) | 0x20 == UInt8(ascii: "e") {
      position += 1
      let isDown = take("-", in: bytes)
      if !isDown { _ = take("+", in: bytes) }
      guard digits(in: bytes, { exponent = min(exponent * 10 + Int($0), Ones.largestExponent) }) else { return nil }
      if isDown { exponent = -exponent }
    }
    return !isNegative && ones.isOne(exponent: exponent)
  }

  /// One digit or more.
  @inline(__always)
  private mutating func digits(in bytes: RawSpan, _ each: (UInt8) -> Void) -> Bool {
    let start = position
    while case let byte = peek(in: bytes), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      each(byte - UInt8(ascii: "0"))
      position += 1
    }
    return position > start
  }

  private struct Ones {
    /// Exponents beyond this are taken for this: no answer is long enough for it to matter.
    static let largestExponent = 1 << 40

    private var count = 0
    private var scale = 0
    private var places = 0
    private var others = false

    mutating func whole(_ digit: UInt8) {
      if count > 0 { scale += 1 }
      see(digit, at: 0)
    }

    mutating func fraction(_ digit: UInt8) {
      places += 1
      see(digit, at: -places)
    }

    private mutating func see(_ digit: UInt8, at place: Int) {
      guard digit != 0 else { return }
      if count == 0 { scale = place }
      count += 1
      if digit != 1 { others = true }
    }

    func isOne(exponent: Int) -> Bool { count == 1 && !others && scale + exponent == 0 }
  }
}
