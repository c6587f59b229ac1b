/// Writes msgpack values, each in its shortest form.
///
/// - Source: https://github.com/msgpack/msgpack/blob/master/spec.md
struct MessagePackWriter {
  private(set) var bytes: [UInt8] = []

  mutating func null() { bytes.append(0xc0) }

  mutating func boolean(_ flag: Bool) { bytes.append(flag ? 0xc3 : 0xc2) }

  mutating func integer(_ number: Int64) {
    switch number {
    case 0...: integer(UInt64(number))
    case -32..<0: bytes.append(UInt8(bitPattern: Int8(number)))
    case Int64(Int8.min)..<0: tag(0xd0, UInt8(bitPattern: Int8(number)))
    case Int64(Int16.min)..<0: tag(0xd1, UInt16(bitPattern: Int16(number)))
    case Int64(Int32.min)..<0: tag(0xd2, UInt32(bitPattern: Int32(number)))
    default: tag(0xd3, UInt64(bitPattern: number))
    }
  }

  mutating func integer(_ number: UInt64) {
    if number < 128 {
      bytes.append(UInt8(number))
    } else if let short = UInt8(exactly: number) {
      tag(0xcc, short)
    } else if let short = UInt16(exactly: number) {
      tag(0xcd, short)
    } else if let short = UInt32(exactly: number) {
      tag(0xce, short)
    } else {
      tag(0xcf, number)
    }
  }

  mutating func double(_ number: Double) { tag(0xcb, number.bitPattern) }

  mutating func string(_ text: some StringProtocol) {
    let count = text.utf8.count
    if count < 32 {
      bytes.append(0xa0 | UInt8(count))
    } else if let short = UInt8(exactly: count) {
      tag(0xd9, short)
    } else {
      length(count, 0xda, 0xdb)
    }
    bytes += text.utf8
  }

  mutating func array(count: Int) {
    if count < 16 { bytes.append(0x90 | UInt8(count)) } else { length(count, 0xdc, 0xdd) }
  }

  mutating func map(count: Int) {
    if count < 16 { bytes.append(0x80 | UInt8(count)) } else { length(count, 0xde, 0xdf) }
  }

  /// Appends a value that is msgpack already.
  mutating func encoded(_ value: [UInt8]) { bytes += value }

  private mutating func length(_ count: Int, _ tag16: UInt8, _ tag32: UInt8) {
    if let short = UInt16(exactly: count) {
      tag(tag16, short)
    } else {
      // Nothing that is made here has 4 GiB: the JSON text it comes from is bounded.
      tag(tag32, UInt32(clamping: count))
    }
  }

  private mutating func tag<Number: FixedWidthInteger>(_ tag: UInt8, _ number: Number) {
    bytes.append(tag)
    withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
  }
}
