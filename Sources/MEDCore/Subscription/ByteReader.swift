/// Reads little-endian integers and texts of the files in DATA_DIR: what is there and nothing more, nil when it ends too soon.
struct ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// How many bytes are left.
  var count: Int { rest.count }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func integer<I: FixedWidthInteger>(_ type: I.Type) -> I? {
    let size = MemoryLayout<I>.size
    guard rest.count >= size else { return nil }
    var value = I.zero
    withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: rest.prefix(size)) }
    rest = rest.dropFirst(size)
    return I(littleEndian: value)
  }

  mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  /// A UInt32 length and UTF-8.
  mutating func text() -> String? {
    guard let length = integer(UInt32.self), let bytes = bytes(Int(length)) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }
}
