extension JSONScanner {
  /// A string.
  /// - Parameter target: ASCII.
  /// - Returns: whether what it stands for, escapes undone, is `target`; nil if it is no string.
  mutating func string(matching target: StaticString, in bytes: RawSpan) -> Bool? {
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

extension JSONScanner {
  /// A number.
  /// - Returns: whether it is exactly 1, however written (`1.0`, `10e-1`); nil if it is no number.
  mutating func number(in bytes: RawSpan) -> Bool? {
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
