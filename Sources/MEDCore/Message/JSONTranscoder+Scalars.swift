extension JSONTranscoder {
  /// A number, boolean or null; none of their characters but `+` needs encoding.
  func scalar(_ token: MessagePackToken, at start: Int, into output: inout OutputBuffer) throws(MessageError) {
    output.reserve(32)
    switch token {
    case .null: output.put("null")
    case .bool(true): output.put("true")
    case .bool(false): output.put("false")
    case .unsigned(let value): output.put(decimal: value)
    case .negative(let value):
      output.put(UInt8(ascii: "-"))
      output.put(decimal: value.magnitude)
    case .float(let value):
      guard value.isFinite else { throw MessageError(.notFinite, at: start) }
      number(Double(value), wholeBelow: 0x1p24, description: value.description, into: &output)
    case .double(let value):
      guard value.isFinite else { throw MessageError(.notFinite, at: start) }
      if price(value, into: &output) { return }
      number(value, wholeBelow: 0x1p53, description: value.description, into: &output)
    case .ext: throw MessageError(.extensionType, at: start)
    case .string, .binary, .array, .map: return
    }
  }

  /// A number with up to four decimals, the usual kind, ten times as fast as ``number(_:wholeBelow:description:into:)``.
  ///
  /// Both operands of the division are exact, so its result is what the quotient's digits read back as; with fewer than
  /// 16 digits no other text of that length does, and shorter ones have been tried before.
  private func price(_ value: Double, into output: inout OutputBuffer) -> Bool {
    guard value.magnitude < 1e9, value.magnitude >= 0.001 else { return false }
    var power: UInt64 = 1
    for decimals in 1...4 {
      power *= 10
      let scaled = (value.magnitude * Double(power)).rounded()
      guard scaled / Double(power) == value.magnitude else { continue }
      let digits = UInt64(scaled)
      guard decimals > 1 || digits % power != 0 else { return false }
      if value < 0 { output.put(UInt8(ascii: "-")) }
      output.put(decimal: digits / power)
      output.put(UInt8(ascii: "."))
      output.put(digits: digits % power, width: decimals)
      return true
    }
    return false
  }

  /// The fewest digits that read back as the same value. What Swift prints is that and valid JSON, but for a needless
  /// `.0` at the end.
  /// - Parameter bound: whole numbers below it are told apart by all their digits, and print as such.
  private func number(
    _ value: Double, wholeBelow bound: Double, description: @autoclosure () -> String, into output: inout OutputBuffer
  ) {
    if value.magnitude < bound, value == value.rounded(.towardZero), value != 0 || value.sign == .plus {
      if value < 0 { output.put(UInt8(ascii: "-")) }
      return output.put(decimal: UInt64(value.magnitude))
    }
    var text = description()
    text.withUTF8 { digits in
      let isWhole =
        digits.count > 2 && digits[digits.count - 2] == UInt8(ascii: ".") && digits.last == UInt8(ascii: "0")
      output.reserve(3 * digits.count)
      for byte in isWhole ? digits.dropLast(2) : digits[...] { put(byte, of: syntax, into: &output) }
    }
  }

  @inline(__always)
  func base64(_ range: Range<Int>, in bytes: RawSpan, into output: inout OutputBuffer) {
    output.reserve(8)
    put("\"", into: &output)
    var position = range.lowerBound
    while position < range.upperBound {
      let count = min(3, range.upperBound - position)
      var group: UInt32 = 0
      for index in 0..<3 {
        let byte = index < count ? bytes.unsafeLoad(fromByteOffset: position + index, as: UInt8.self) : 0
        group = group << 8 | UInt32(byte)
      }
      output.reserve(16)
      for index in 0..<4 {
        let digit = UInt8(truncatingIfNeeded: group >> UInt32(18 - 6 * index)) & 63
        put(index <= count ? Self.base64Digit(digit) : UInt8(ascii: "="), of: syntax, into: &output)
      }
      position += count
    }
    output.reserve(8)
    put("\"", into: &output)
  }

  private static func base64Digit(_ value: UInt8) -> UInt8 {
    switch value {
    case 0...25: UInt8(ascii: "A") + value
    case 26...51: UInt8(ascii: "a") + value - 26
    case 52...61: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
  }
}
