/// Looks at UTF-8 one sequence at a time.
enum UTF8Scan {
  /// The sequence that begins at `start` with a byte ≥ 0x80.
  /// - Returns: its length, 2 ... 4; or, if it is malformed, minus the length of its maximal subpart, −1 ... −3: the
  ///   bytes that one U+FFFD stands for.
  /// - Source: https://encoding.spec.whatwg.org/#utf-8-decoder
  @inline(__always)
  static func sequence(at start: Int, before end: Int, in bytes: RawSpan) -> Int {
    let lead = bytes.unsafeLoad(fromByteOffset: start, as: UInt8.self)
    let length: Int
    var lowest: UInt8 = 0x80
    var highest: UInt8 = 0xbf
    switch lead {
    case 0xc2...0xdf: length = 2
    case 0xe0...0xef:
      length = 3
      if lead == 0xe0 { lowest = 0xa0 }
      if lead == 0xed { highest = 0x9f }
    case 0xf0...0xf4:
      length = 4
      if lead == 0xf0 { lowest = 0x90 }
      if lead == 0xf4 { highest = 0x8f }
    default: return -1
    }
    var seen = 1
    while seen < length {
      guard start + seen < end else { return -seen }
      let byte = bytes.unsafeLoad(fromByteOffset: start + seen, as: UInt8.self)
      guard byte >= lowest, byte <= highest else { return -seen }
      lowest = 0x80
      highest = 0xbf
      seen += 1
    }
    return length
  }

  static func isValid(_ range: Range<Int>, in bytes: RawSpan) -> Bool {
    var position = range.lowerBound
    while position < range.upperBound {
      if bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self) < 0x80 {
        position += 1
      } else {
        let length = sequence(at: position, before: range.upperBound, in: bytes)
        guard length > 0 else { return false }
        position += length
      }
    }
    return true
  }
}
