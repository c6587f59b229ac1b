/// Numbers as producers write them: any integer width, floats, decimal strings. Absent, nil and "" are 0.
enum EnvelopeNumber {
  /// A finite number.
  @inline(__always)
  static func real(
    at slot: EnvelopeIndex.Slot, in bytes: RawSpan, of field: EnvelopeField
  ) throws(MessageError) -> Double {
    guard !slot.isAbsent else { return 0 }
    var cursor = MessagePackCursor(at: slot.range.lowerBound)
    let value: Double?
    switch try cursor.token(in: bytes) {
    case .null: value = 0
    case .unsigned(let integer): value = Double(integer)
    case .negative(let integer): value = Double(integer)
    case .float(let float): value = Double(float)
    case .double(let double): value = double
    case .string(let range), .binary(let range): value = real(range, in: bytes)
    default: value = nil
    }
    guard let value, value.isFinite else { throw bad(field, slot) }
    return value
  }

  /// A whole number from 0 to the largest of its type.
  @inline(__always)
  static func unsigned<T: FixedWidthInteger & UnsignedInteger>(
    at slot: EnvelopeIndex.Slot, in bytes: RawSpan, of field: EnvelopeField
  ) throws(MessageError) -> T {
    guard !slot.isAbsent else { return 0 }
    var cursor = MessagePackCursor(at: slot.range.lowerBound)
    let value: UInt64?
    switch try cursor.token(in: bytes) {
    case .null: value = 0
    case .unsigned(let integer): value = integer
    case .float(let float): value = UInt64(exactly: float)
    case .double(let double): value = UInt64(exactly: double)
    case .string(let range), .binary(let range): value = range.isEmpty ? 0 : unsigned(range, in: bytes)
    default: value = nil
    }
    guard let value, let narrowed = T(exactly: value) else { throw bad(field, slot) }
    return narrowed
  }

  private static func bad(_ field: EnvelopeField, _ slot: EnvelopeIndex.Slot) -> MessageError {
    MessageError(.badNumber, at: slot.range.lowerBound, field: "\(field.key)")
  }

  private static func real(_ range: Range<Int>, in bytes: RawSpan) -> Double? {
    if range.isEmpty { return 0 }
    // The grammar is checked first: the parser behind Double(String) also takes "nan", "inf" and hexadecimal.
    guard DecimalText(range, in: bytes) != nil else { return nil }
    return Double(bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
  }

  /// The exact value of a decimal text, if it is whole, not negative and fits: "7", "1e3", "12.50e1".
  private static func unsigned(_ range: Range<Int>, in bytes: RawSpan) -> UInt64? {
    guard let text = DecimalText(range, in: bytes) else { return nil }
    guard let last = text.lastNonZero else { return 0 }
    guard !text.isNegative, text.scale(of: last) >= 0 else { return nil }
    var value: UInt64 = 0
    for index in text.digits.lowerBound...last {
      let byte = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      guard byte != UInt8(ascii: ".") else { continue }
      let (shifted, high) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = shifted.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
      guard !high, !carry else { return nil }
      value = sum
    }
    var zeros = text.scale(of: last)
    while zeros > 0 {
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      // Ends within twenty turns: the value is not zero.
      guard !overflow else { return nil }
      value = shifted
      zeros -= 1
    }
    return value
  }
}

/// The parts of `[+-] digits [. digits] [e [+-] digits]`, with at least one digit before the exponent.
struct DecimalText {
  /// Exponents beyond this are taken for this: no message is long enough for it to matter.
  private static let largestExponent = 1 << 40

  private(set) var isNegative = false
  /// The digits with the point that may be among them.
  private(set) var digits: Range<Int>
  private(set) var lastNonZero: Int?
  private var point: Int?
  private var exponent = 0

  /// - Returns: nil if the text is anything else.
  init?(_ range: Range<Int>, in bytes: RawSpan) {
    var position = range.lowerBound
    func peek() -> UInt8 {
      position < range.upperBound ? bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self) : 0
    }
    func sign() -> Bool {
      let byte = peek()
      if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") { position += 1 }
      return byte == UInt8(ascii: "-")
    }

    digits = position..<position
    isNegative = sign()
    let start = position
    var count = 0
    while position < range.upperBound {
      let byte = peek()
      if byte == UInt8(ascii: "."), point == nil {
        point = position
      } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        count += 1
        if byte != UInt8(ascii: "0") { lastNonZero = position }
      } else {
        break
      }
      position += 1
    }
    guard count > 0 else { return nil }
    digits = start..<position
    if peek() | 0x20 == UInt8(ascii: "e") {
      position += 1
      let negative = sign()
      let first = position
      while case let byte = peek(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        exponent = min(exponent * 10 + Int(byte &- UInt8(ascii: "0")), Self.largestExponent)
        position += 1
      }
      guard position > first else { return nil }
      if negative { exponent = -exponent }
    }
    guard position == range.upperBound else { return nil }
  }

  /// The power of ten that the digit at `index` stands for.
  func scale(of index: Int) -> Int {
    let point = point ?? digits.upperBound
    return (index < point ? point - index - 1 : point - index) + exponent
  }
}
