import CZlib

/// Bytes as gzip has them (RFC 1952).
enum Gzip {
  /// - Returns: nil if there is no memory for it, or it is longer than 4 GiB.
  static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard bytes.count <= UInt32.max, med_gzip_begin(&stream) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, uLong(bytes.count)))
    guard bound <= UInt32.max else { return nil }
    return bytes.withUnsafeBufferPointer { input in
      var isComplete = false
      let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
        // zlib reads it and doesn't write; its type is older than const.
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.avail_in = UInt32(input.count)
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(bound)
        isComplete = deflate(&stream, Z_FINISH) == Z_STREAM_END
        count = bound - Int(stream.avail_out)
      }
      return isComplete ? output : nil
    }
  }
}
