/// Writes one msgpack value as JSON in a single pass: no tree, no text objects, no recursion.
///
/// The rules are SPEC §3's: map keys become strings, `str` is repaired to UTF-8, `bin` becomes base64. Of the extension
/// types none is known, timestamps neither. Keys that are equal go on as they are.
struct JSONTranscoder<Sink: JSONSink> {
  private let text: UnsafeBufferPointer<Escape>
  private let syntax: UnsafeBufferPointer<Escape>
  /// The containers around the current one: values left, doubled, plus one for a map.
  private let open: UnsafeMutableBufferPointer<Int>
  private var level = 0
  private var cursor: MessagePackCursor

  /// Transcodes the value at `start`.
  /// - Parameter depth: how many arrays and maps are open around it, 1 for a message's body.
  /// - Throws: `.notFinite`, `.extensionType`, `.badKey`, and what ``MessagePackCursor`` throws.
  static func transcode(
    _ bytes: RawSpan, at start: Int, depth: Int, into output: inout OutputBuffer
  ) throws(MessageError) {
    try Sink.text.withUnsafeBufferPointer { text throws(MessageError) in
      try Sink.syntax.withUnsafeBufferPointer { syntax throws(MessageError) in
        try withUnsafeTemporaryAllocation(of: Int.self, capacity: MessagePackCursor.maximumDepth) {
          open throws(MessageError) in
          var transcoder = Self(text: text, syntax: syntax, open: open, cursor: MessagePackCursor(at: start))
          try transcoder.run(bytes, depth: depth, into: &output)
        }
      }
    }
  }

  private mutating func run(_ bytes: RawSpan, depth: Int, into output: inout OutputBuffer) throws(MessageError) {
    var left = 0
    var isMap = false
    while true {
      if isMap { try key(bytes, into: &output) }
      let start = cursor.position
      let token = try cursor.token(in: bytes)
      switch token {
      case .array(let count), .map(let count):
        let opensMap = if case .map = token { true } else { false }
        guard depth + level < MessagePackCursor.maximumDepth else { throw MessageError(.tooDeep, at: start) }
        output.reserve(24)
        put(opensMap ? "{" : "[", into: &output)
        if count > 0 {
          open[level] = left << 1 | (isMap ? 1 : 0)
          level += 1
          left = count
          isMap = opensMap
          continue
        }
        put(opensMap ? "}" : "]", into: &output)
      case .string(let range):
        quoted(range, in: bytes, into: &output)
      case .binary(let range):
        base64(range, in: bytes, into: &output)
      default:
        try scalar(token, at: start, into: &output)
      }
      // A value is complete: close what ends with it.
      output.reserve(8 + 8)
      while left <= 1 {
        if level == 0 { return }
        output.reserve(8 + 8)
        put(isMap ? "}" : "]", into: &output)
        level -= 1
        left = open[level] >> 1
        isMap = open[level] & 1 == 1
      }
      left -= 1
      put(",", into: &output)
    }
  }

  @inline(__always)
  private mutating func key(_ bytes: RawSpan, into output: inout OutputBuffer) throws(MessageError) {
    let start = cursor.position
    let token = try cursor.token(in: bytes)
    switch token {
    case .string(let range), .binary(let range):
      quoted(range, in: bytes, into: &output)
    case .array, .map, .ext:
      throw MessageError(.badKey, at: start)
    default:
      output.reserve(8)
      put("\"", into: &output)
      try scalar(token, at: start, into: &output)
      output.reserve(8)
      put("\"", into: &output)
    }
    output.reserve(8)
    put(":", into: &output)
  }

  @inline(__always)
  private func put(_ character: Unicode.Scalar, into output: inout OutputBuffer) {
    put(UInt8(ascii: character), of: syntax, into: &output)
  }

  @inline(__always)
  private func put(_ byte: UInt8, of table: UnsafeBufferPointer<Escape>, into output: inout OutputBuffer) {
    let escape = table[Int(byte)]
    output.put(escape.word, length: escape.length)
  }
}

// MARK: - Scalars

extension JSONTranscoder {
  /// A number, boolean or null; none of their characters but `+` needs encoding.
  private func scalar(_ token: MessagePackToken, at start: Int, into output: inout OutputBuffer) throws(MessageError) {
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
      number(value, wholeBelow: 0x1p53, description: value.description, into: &output)
    case .ext: throw MessageError(.extensionType, at: start)
    case .string, .binary, .array, .map: return
    }
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
    var digits = description()
    if digits.hasSuffix(".0") { digits.removeLast(2) }
    output.reserve(3 * digits.utf8.count)
    for byte in digits.utf8 { put(byte, of: syntax, into: &output) }
  }

  @inline(__always)
  private func base64(_ range: Range<Int>, in bytes: RawSpan, into output: inout OutputBuffer) {
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

// MARK: - Text

extension JSONTranscoder {
  @inline(__always)
  private func quoted(_ range: Range<Int>, in bytes: RawSpan, into output: inout OutputBuffer) {
    output.reserve(8)
    put("\"", into: &output)
    write(range, in: bytes, into: &output)
    output.reserve(8)
    put("\"", into: &output)
  }

  private func write(_ range: Range<Int>, in bytes: RawSpan, into output: inout OutputBuffer) {
    var position = range.lowerBound
    let end = range.upperBound
    while position < end {
      if end - position >= 8 {
        let word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
        if word & 0x8080_8080_8080_8080 == 0 {
          eight(word, into: &output)
          position += 8
          continue
        }
      }
      let byte = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
      output.reserve(4 * 8)
      if byte < 0x80 {
        put(byte, of: text, into: &output)
        position += 1
        continue
      }
      let length = UTF8Scan.sequence(at: position, before: end, in: bytes)
      if length > 0 {
        for index in position..<position + length {
          put(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self), of: text, into: &output)
        }
        position += length
      } else {
        for byte in UTF8Scan.replacement { put(byte, of: text, into: &output) }
        position -= length
      }
    }
  }

  /// Eight characters of ASCII.
  @inline(__always)
  private func eight(_ word: UInt64, into output: inout OutputBuffer) {
    output.reserve(8 * 8)
    if Sink.copiesRuns, Self.isClean(word) { return output.put(word, length: 8) }
    var rest = word
    for _ in 0..<8 {
      put(UInt8(truncatingIfNeeded: rest), of: text, into: &output)
      rest >>= 8
    }
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
