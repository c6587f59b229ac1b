/// How the bytes of JSON text reach the wire: as they are, or form-encoded.
protocol JSONSink {
  /// For each byte of text inside a JSON string, 256 entries.
  static var text: [Escape] { get }
  /// For each byte of JSON syntax, 256 entries.
  static var syntax: [Escape] { get }
  /// Whether most of a text goes on unchanged, so that looking for runs of it pays.
  static var copiesRuns: Bool { get }
}

/// What one byte becomes: at most eight bytes, the first one lowest.
struct Escape: Sendable {
  let word: UInt64
  let length: Int

  init(_ bytes: [UInt8]) {
    word = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    length = bytes.count
  }
}

/// Plain JSON. Quotes, backslashes and control characters are escaped (RFC 8259 §7), all else stays UTF-8.
enum PlainJSON: JSONSink {
  static let text = (0...255).map { Escape(JSONEscape.bytes(for: $0)) }
  static let syntax = (0...255).map { Escape([$0]) }
  static let copiesRuns = true
}

/// JSON as the value of a field in `application/x-www-form-urlencoded`.
enum FormEncodedJSON: JSONSink {
  static let text = (0...255).map { Escape(JSONEscape.bytes(for: $0).flatMap(FormEncoding.bytes)) }
  static let syntax = (0...255).map { Escape(FormEncoding.bytes(for: $0)) }
  static let copiesRuns = false
}

enum JSONEscape {
  /// 1 ... 6 bytes.
  static func bytes(for byte: UInt8) -> [UInt8] {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
    case 0x08: Array(#"\b"#.utf8)
    case 0x09: Array(#"\t"#.utf8)
    case 0x0a: Array(#"\n"#.utf8)
    case 0x0c: Array(#"\f"#.utf8)
    case 0x0d: Array(#"\r"#.utf8)
    case 0...0x1f: Array(#"\u00"#.utf8) + [hexadecimal(byte >> 4), hexadecimal(byte & 15)]
    default: [byte]
    }
  }

  private static func hexadecimal(_ digit: UInt8) -> UInt8 { Array("0123456789abcdef".utf8)[Int(digit)] }
}

enum FormEncoding {
  /// 1 or 3 bytes.
  /// - Source: https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set
  static func bytes(for byte: UInt8) -> [UInt8] {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "*"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      [byte]
    case UInt8(ascii: " "): [UInt8(ascii: "+")]
    default: [UInt8(ascii: "%"), hexadecimal(byte >> 4), hexadecimal(byte & 15)]
    }
  }

  private static func hexadecimal(_ digit: UInt8) -> UInt8 { Array("0123456789ABCDEF".utf8)[Int(digit)] }
}
