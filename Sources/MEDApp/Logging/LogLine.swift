import Logging

/// The bytes of one log line, its line feed included. Whatever a message or a value holds, it stays one line.
enum LogLine {
  /// `2026-01-31T23:59:59.000000Z WARN  message key=value key="value with spaces"`
  static func text(_ event: borrowing LogEvent, metadata: Logger.Metadata, at time: Timestamp) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(160)
    time.append(to: &bytes)
    bytes += " \(name(event.level)) ".utf8
    appendEscaped(event.message.description, quoting: false, to: &bytes)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      bytes.append(UInt8(ascii: " "))
      appendEscaped(key, quoting: false, to: &bytes)
      bytes.append(UInt8(ascii: "="))
      appendValue(value.description, to: &bytes)
    }
    if let error = event.error {
      bytes += " error=".utf8
      appendValue("\(error)", to: &bytes)
    }
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  /// `{"time":"…","level":"warning","logger":"…","message":"…","key":"value"}`
  static func json(
    _ event: borrowing LogEvent, metadata: Logger.Metadata, label: String, at time: Timestamp
  ) -> [UInt8] {
    var bytes = Array(#"{"time":""#.utf8)
    time.append(to: &bytes)
    bytes += #"","level":"\#(event.level.rawValue)","logger":"#.utf8
    appendJSONString(label, to: &bytes)
    bytes += #","message":"#.utf8
    appendJSONString(event.message.description, to: &bytes)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      bytes.append(UInt8(ascii: ","))
      appendJSONString(reserved.contains(key) ? key + "_" : key, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      appendJSONString(value.description, to: &bytes)
    }
    if let error = event.error {
      bytes += #","error":"#.utf8
      appendJSONString("\(error)", to: &bytes)
    }
    bytes += "}\n".utf8
    return bytes
  }

  private static let reserved: Set<String> = ["time", "level", "logger", "message", "error"]

  private static func name(_ level: Logger.Level) -> String {
    switch level {
    case .trace, .debug: "DEBUG"
    case .info, .notice: "INFO "
    case .warning: "WARN "
    case .error, .critical: "ERROR"
    }
  }

  private static func appendValue(_ text: String, to bytes: inout [UInt8]) {
    let plain =
      !text.isEmpty && !text.utf8.contains { $0 == 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "=") }
    if plain {
      appendEscaped(text, quoting: false, to: &bytes)
    } else {
      bytes.append(UInt8(ascii: "\""))
      appendEscaped(text, quoting: true, to: &bytes)
      bytes.append(UInt8(ascii: "\""))
    }
  }

  private static func appendEscaped(_ text: String, quoting: Bool, to bytes: inout [UInt8]) {
    let harmless = text.utf8.allSatisfy { (0x20..<0x7f).contains($0) && $0 != 0x22 && $0 != 0x5c }
    if harmless {
      bytes += text.utf8
      return
    }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": bytes += #"\n"#.utf8
      case "\r": bytes += #"\r"#.utf8
      case "\t": bytes += #"\t"#.utf8
      case "\"" where quoting: bytes += #"\""#.utf8
      case "\\" where quoting: bytes += #"\\"#.utf8
      case _ where scalar.actsOnTerminals: bytes += #"\u{\#(String(scalar.value, radix: 16))}"#.utf8
      default: bytes += UTF8.encode(scalar).map(Array.init) ?? []
      }
    }
  }
}

/// Appends `text` as a JSON string; control characters, DEL and the line separators are escaped.
func appendJSONString(_ text: String, to bytes: inout [UInt8]) {
  bytes.append(UInt8(ascii: "\""))
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": bytes += #"\""#.utf8
    case "\\": bytes += #"\\"#.utf8
    case "\n": bytes += #"\n"#.utf8
    case "\r": bytes += #"\r"#.utf8
    case "\t": bytes += #"\t"#.utf8
    case _ where scalar.actsOnTerminals:
      let hex = String(scalar.value, radix: 16)
      bytes += #"\u"#.utf8
      bytes += String(repeating: "0", count: max(0, 4 - hex.count)).utf8
      bytes += hex.utf8
    default: bytes += UTF8.encode(scalar).map(Array.init) ?? []
    }
  }
  bytes.append(UInt8(ascii: "\""))
}
