/// Writes one msgpack value as JSON in a single pass: no tree, no text objects, no recursion.
///
/// The rules are SPEC §3's: map keys become strings, `str` is repaired to UTF-8, `bin` becomes base64. Of the extension
/// types none is known, timestamps neither. Keys that are equal go on as they are.
struct JSONTranscoder<Sink: JSONSink> {
  let text: UnsafeBufferPointer<Escape>
  let syntax: UnsafeBufferPointer<Escape>
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
      quoted(range, in: bytes, isKey: true, into: &output)
    case .array, .map, .ext:
      throw MessageError(.badKey, at: start)
    default:
      output.reserve(8)
      put("\"", into: &output)
      try scalar(token, at: start, into: &output)
      output.reserve(16)
      put("\"", into: &output)
      put(":", into: &output)
    }
  }

  @inline(__always)
  func put(_ character: Unicode.Scalar, into output: inout OutputBuffer) {
    put(UInt8(ascii: character), of: syntax, into: &output)
  }

  @inline(__always)
  func put(_ byte: UInt8, of table: UnsafeBufferPointer<Escape>, into output: inout OutputBuffer) {
    let escape = table[Int(byte)]
    output.put(escape.word, length: escape.length)
  }
}
