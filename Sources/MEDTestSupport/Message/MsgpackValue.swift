/// A msgpack value for tests, written with the smallest encoding unless a case says otherwise.
public enum MsgpackValue: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case unsigned(UInt64)
  case float(Float)
  case double(Double)
  case string(String)
  case binary([UInt8])
  case array([MsgpackValue])
  case map([(MsgpackValue, MsgpackValue)])
  /// Written as they are: other widths, extensions, nonsense.
  case bytes([UInt8])

  public var encoded: [UInt8] {
    var out: [UInt8] = []
    write(to: &out)
    return out
  }

  private func write(to out: inout [UInt8]) {
    switch self {
    case .null: out.append(0xc0)
    case .bool(let value): out.append(value ? 0xc3 : 0xc2)
    case .integer(let value): Self.write(value, to: &out)
    case .unsigned(let value): Self.write(value, to: &out)
    case .float(let value): Self.write(0xca, value.bitPattern, to: &out)
    case .double(let value): Self.write(0xcb, value.bitPattern, to: &out)
    case .string(let value):
      let bytes = Array(value.utf8)
      Self.writeLength(bytes.count, small: (0xa0, 32), wide: (0xd9, 0xda, 0xdb), to: &out)
      out += bytes
    case .binary(let bytes):
      Self.writeLength(bytes.count, small: nil, wide: (0xc4, 0xc5, 0xc6), to: &out)
      out += bytes
    case .array(let values):
      Self.writeLength(values.count, small: (0x90, 16), wide: (nil, 0xdc, 0xdd), to: &out)
      for value in values { value.write(to: &out) }
    case .map(let pairs):
      Self.writeLength(pairs.count, small: (0x80, 16), wide: (nil, 0xde, 0xdf), to: &out)
      for (key, value) in pairs {
        key.write(to: &out)
        value.write(to: &out)
      }
    case .bytes(let bytes): out += bytes
    }
  }

  private static func write(_ value: UInt64, to out: inout [UInt8]) {
    if value < 0x80 {
      out.append(UInt8(value))
    } else if let narrow = UInt8(exactly: value) {
      write(0xcc, narrow, to: &out)
    } else if let narrow = UInt16(exactly: value) {
      write(0xcd, narrow, to: &out)
    } else if let narrow = UInt32(exactly: value) {
      write(0xce, narrow, to: &out)
    } else {
      write(0xcf, value, to: &out)
    }
  }

  private static func write(_ value: Int64, to out: inout [UInt8]) {
    if value >= 0 {
      write(UInt64(value), to: &out)
    } else if value >= -32 {
      out.append(UInt8(bitPattern: Int8(value)))
    } else if let narrow = Int8(exactly: value) {
      write(0xd0, UInt8(bitPattern: narrow), to: &out)
    } else if let narrow = Int16(exactly: value) {
      write(0xd1, UInt16(bitPattern: narrow), to: &out)
    } else if let narrow = Int32(exactly: value) {
      write(0xd2, UInt32(bitPattern: narrow), to: &out)
    } else {
      write(0xd3, UInt64(bitPattern: value), to: &out)
    }
  }

  private static func write(_ tag: UInt8, _ value: some FixedWidthInteger, to out: inout [UInt8]) {
    out.append(tag)
    withUnsafeBytes(of: value.bigEndian) { out += $0 }
  }

  /// - Parameters:
  ///   - small: the tag that holds lengths below the limit in itself.
  ///   - wide: the tags for lengths of 1, 2 and 4 bytes.
  private static func writeLength(
    _ count: Int, small: (tag: UInt8, limit: Int)?, wide: (one: UInt8?, two: UInt8, four: UInt8), to out: inout [UInt8]
  ) {
    if let small, count < small.limit {
      out.append(small.tag | UInt8(count))
    } else if let tag = wide.one, let narrow = UInt8(exactly: count) {
      write(tag, narrow, to: &out)
    } else if let narrow = UInt16(exactly: count) {
      write(wide.two, narrow, to: &out)
    } else {
      write(wide.four, UInt32(clamping: count), to: &out)
    }
  }
}

extension MsgpackValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(nilLiteral: ()) { self = .null }
  public init(arrayLiteral elements: MsgpackValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (MsgpackValue, MsgpackValue)...) { self = .map(elements) }
}
