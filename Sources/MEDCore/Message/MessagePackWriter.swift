/// Writes msgpack, each value in its shortest form.
///
/// Heads of arrays and maps are written apart from their contents: the caller keeps the counts it announced.
public struct MessagePackWriter: Sendable {
  /// What has been written.
  public private(set) var bytes: [UInt8]

  /// An empty one with room for so many bytes.
  public init(capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// Writes nil.
  public mutating func null() { bytes.append(0xc0) }

  /// Writes a bool.
  public mutating func bool(_ value: Bool) { bytes.append(value ? 0xc3 : 0xc2) }

  /// Writes an integer.
  public mutating func integer(_ value: UInt64) {
    switch value {
    case 0...0x7f: bytes.append(UInt8(value))
    case 0...0xff: head(0xcc, UInt8(value))
    case 0...0xffff: head(0xcd, UInt16(value))
    case 0...0xffff_ffff: head(0xce, UInt32(value))
    default: head(0xcf, value)
    }
  }

  /// Writes an integer.
  public mutating func integer(_ value: Int64) {
    switch value {
    case 0...: integer(UInt64(value))
    case -32 ... -1: bytes.append(UInt8(bitPattern: Int8(value)))
    case Int64(Int8.min) ... -1: head(0xd0, Int8(value))
    case Int64(Int16.min) ... -1: head(0xd1, Int16(value))
    case Int64(Int32.min) ... -1: head(0xd2, Int32(value))
    default: head(0xd3, value)
    }
  }

  /// Writes a float of 32 bits.
  public mutating func float(_ value: Float) { head(0xca, value.bitPattern) }

  /// Writes a float of 64 bits.
  public mutating func double(_ value: Double) { head(0xcb, value.bitPattern) }

  /// Writes a str, at most 2³²−1 bytes of UTF-8.
  public mutating func string(_ value: String) {
    var value = value
    value.withUTF8 { text in
      stringHead(text.count)
      bytes.append(contentsOf: text)
    }
  }

  /// Writes bytes as a str, at most 2³²−1 and of whatever kind: the old `raw`, which didn't tell texts from bytes.
  public mutating func string(bytes value: [UInt8]) {
    stringHead(value.count)
    bytes.append(contentsOf: value)
  }

  private mutating func stringHead(_ count: Int) {
    switch count {
    case 0...31: bytes.append(0xa0 | UInt8(count))
    case 0...0xff: head(0xd9, UInt8(count))
    case 0...0xffff: head(0xda, UInt16(count))
    default: head(0xdb, UInt32(count))
    }
  }

  /// Writes a bin, at most 2³²−1 bytes.
  public mutating func binary(_ value: [UInt8]) {
    switch value.count {
    case 0...0xff: head(0xc4, UInt8(value.count))
    case 0...0xffff: head(0xc5, UInt16(value.count))
    default: head(0xc6, UInt32(value.count))
    }
    bytes.append(contentsOf: value)
  }

  /// The head of an array; `count` values must follow.
  public mutating func array(_ count: UInt32) {
    switch count {
    case 0...15: bytes.append(0x90 | UInt8(count))
    case 0...0xffff: head(0xdc, UInt16(count))
    default: head(0xdd, count)
    }
  }

  /// The head of a map; `count` pairs of key and value must follow.
  public mutating func map(_ count: UInt32) {
    switch count {
    case 0...15: bytes.append(0x80 | UInt8(count))
    case 0...0xffff: head(0xde, UInt16(count))
    default: head(0xdf, count)
    }
  }

  /// Bytes that are msgpack already.
  public mutating func raw(_ encoded: some Collection<UInt8>) { bytes.append(contentsOf: encoded) }

  private mutating func head<T: FixedWidthInteger>(_ family: UInt8, _ value: T) {
    bytes.append(family)
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}
