extension JSONTranscoder {
  /// A string from quote to quote, and what follows it.
  ///
  /// Where the output stands is kept in a local variable: written back for each byte it would cost more than the rest.
  func quoted(
    _ range: Range<Int>, in bytes: RawSpan, isKey: Bool = false, into output: inout OutputBuffer
  ) {
    var position = range.lowerBound
    let end = range.upperBound
    output.reserve(Self.room)
    var target = output.end
    var limit = output.limit
    put(UInt8(ascii: "\""), of: syntax, at: &target)
    while position < end {
      if limit - target < Self.room {
        output.end = target
        // As much again as a usual text needs; what it really becomes is seen on the way.
        output.reserve(Self.room + end - position)
        target = output.end
        limit = output.limit
      }
      if end - position >= 8 {
        let word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
        if word & 0x8080_8080_8080_8080 == 0 {
          eight(word, at: &target)
          position &+= 8
          continue
        }
      }
      let stop = min(end, position &+ 8)
      var byte: UInt8 = 0
      while position < stop {
        byte = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
        if byte >= 0x80 { break }
        put(byte, of: text, at: &target)
        position &+= 1
      }
      if byte >= 0x80 { position = notASCII(at: position, before: end, in: bytes, to: &target) }
    }
    put(UInt8(ascii: "\""), of: syntax, at: &target)
    if isKey { put(UInt8(ascii: ":"), of: syntax, at: &target) }
    output.end = target
  }

  /// What one step of the loop may write, eight characters and a sequence, and the quotes and the colon around it.
  private static var room: Int { 12 * 8 + 3 * 8 }

  /// One sequence of several bytes, or U+FFFD in the place of a malformed one.
  /// - Returns: where the next one begins.
  @inline(__always)
  private func notASCII(
    at position: Int, before end: Int, in bytes: RawSpan, to target: inout UnsafeMutablePointer<UInt8>
  ) -> Int {
    let length = UTF8Scan.sequence(at: position, before: end, in: bytes)
    guard length > 0 else {
      put(0xef, of: text, at: &target)
      put(0xbf, of: text, at: &target)
      put(0xbd, of: text, at: &target)
      return position - length
    }
    for index in position..<position + length {
      put(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self), of: text, at: &target)
    }
    return position + length
  }

  /// Eight characters of ASCII.
  @inline(__always)
  private func eight(_ word: UInt64, at target: inout UnsafeMutablePointer<UInt8>) {
    if Sink.copiesRuns, Self.isClean(word) {
      UnsafeMutableRawPointer(target).storeBytes(of: word.littleEndian, as: UInt64.self)
      target += 8
      return
    }
    var rest = word
    for _ in 0..<8 {
      put(UInt8(truncatingIfNeeded: rest), of: text, at: &target)
      rest >>= 8
    }
  }

  @inline(__always)
  private func put(
    _ byte: UInt8, of table: UnsafeBufferPointer<Escape>, at target: inout UnsafeMutablePointer<UInt8>
  ) {
    let escape = table[Int(byte)]
    UnsafeMutableRawPointer(target).storeBytes(of: escape.word.littleEndian, as: UInt64.self)
    target += escape.length
  }

  /// Whether none of eight ASCII characters is a quote, a backslash or a control character: each test leaves the high
  /// bit set of a byte that is one.
  @inline(__always)
  private static func isClean(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ ones &* UInt64(UInt8(ascii: "\""))
    let backslash = word ^ ones &* UInt64(UInt8(ascii: "\\"))
    let found = (word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones)
    return found & 0x8080_8080_8080_8080 == 0
  }
}
