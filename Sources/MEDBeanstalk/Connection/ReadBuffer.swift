/// Where all connections of one loop read into: it is in use only while one of them handles its event.
final class ReadBuffer {
  /// One read takes at most this many bytes.
  static let chunk = 64 << 10
  /// Leftovers of up to this size are put before the chunk, so that a reply is parsed in one piece.
  static let maximumLeftover = 64 << 10

  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: maximumLeftover + chunk, alignment: 16)

  deinit { bytes.deallocate() }
}
