import Glibc

/// Writes a record as one line: `<RFC 3339 UTC, µs> <KIND> <one-line JSON object>\n`.
///
/// Whatever the record holds, exactly one line comes out: control characters in texts are escaped, and line breaks
/// between the tokens of a body become spaces. Fields that don't apply are left out. The order is: topic,
/// subscription, queue_server, tube, job_id, reason, payload; of a push: jobid, result, status, elapsed_ms, target, body.
public enum DataLineFormatter {
  /// Appends the line of `record`, newline included, to `buffer`. Works once per push: no String is built, nothing
  /// but the buffer grows.
  public static func append(_ record: DataRecord, at time: RecordTime, to buffer: inout [UInt8]) {
    time.append(to: &buffer)
    buffer.append(space)
    append(record.kind.bytes, to: &buffer)
    append(" {", to: &buffer)
    let start = buffer.count
    if let topic = record.topic {
      append("\"topic\":", to: &buffer)
      appendText(topic, to: &buffer)
    }
    if let subscription = record.subscription {
      append(",\"subscription\":", after: start, to: &buffer)
      appendNumber(UInt64(subscription.magnitude), negative: subscription < 0, to: &buffer)
    }
    if let queueServer = record.queueServer {
      append(",\"queue_server\":", after: start, to: &buffer)
      appendText(queueServer, to: &buffer)
    }
    if let tube = record.tube {
      append(",\"tube\":", after: start, to: &buffer)
      appendText(tube, to: &buffer)
    }
    if let jobID = record.jobID {
      append(",\"job_id\":", after: start, to: &buffer)
      appendNumber(jobID, to: &buffer)
    }
    if let reason = record.reason {
      append(",\"reason\":", after: start, to: &buffer)
      appendText(reason, to: &buffer)
    }
    if let payload = record.payload {
      append(",\"payload\":\"", after: start, to: &buffer)
      Base64.append(payload, to: &buffer)
      buffer.append(quote)
    }
    if let push = record.push { append(push, after: start, to: &buffer) }
    append("}\n", to: &buffer)
  }

  private static func append(_ push: DataRecord.Push, after start: Int, to buffer: inout [UInt8]) {
    append(",\"jobid\":", after: start, to: &buffer)
    appendText(push.jobID, to: &buffer)
    append(push.delivered ? ",\"result\":\"ok\",\"status\":" : ",\"result\":\"failed\",\"status\":", to: &buffer)
    appendNumber(UInt64(push.status.magnitude), negative: push.status < 0, to: &buffer)
    append(",\"elapsed_ms\":", to: &buffer)
    appendMilliseconds(push.elapsed, to: &buffer)
    append(",\"target\":", to: &buffer)
    appendText(push.target, to: &buffer)
    append(",\"body\":", to: &buffer)
    appendJSON(push.body, to: &buffer)
  }

  private static let space = UInt8(ascii: " ")
  private static let quote = UInt8(ascii: "\"")

  private static func append(_ text: StaticString, to buffer: inout [UInt8]) {
    buffer.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// `text` begins with a comma, which the object's first field goes without.
  private static func append(_ text: StaticString, after start: Int, to buffer: inout [UInt8]) {
    let skipped = buffer.count == start ? 1 : 0
    buffer.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start + skipped, count: text.utf8CodeUnitCount - skipped))
  }

  private static func appendNumber(_ number: UInt64, negative: Bool = false, to buffer: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 21) { out in
      var rest = number
      var start = 21
      repeat {
        start -= 1
        out[start] = UInt8(truncatingIfNeeded: 48 + rest % 10)
        rest /= 10
      } while rest > 0
      if negative {
        start -= 1
        out[start] = UInt8(ascii: "-")
      }
      buffer.append(contentsOf: UnsafeBufferPointer(rebasing: out[start...]))
    }
  }

  /// Milliseconds with three decimals. What is negative, or longer than 300 years, prints as the bound.
  private static func appendMilliseconds(_ duration: Duration, to buffer: inout [UInt8]) {
    let (seconds, attoseconds) = duration.components
    let bounded = UInt64(min(max(seconds, 0), 10_000_000_000))
    let fraction = UInt64(max(attoseconds, 0)) / 1_000_000_000_000
    let microseconds = bounded * 1_000_000 + fraction
    appendNumber(microseconds / 1000, to: &buffer)
    let decimals = microseconds % 1000
    buffer.append(UInt8(ascii: "."))
    buffer.append(UInt8(truncatingIfNeeded: 48 + decimals / 100))
    buffer.append(UInt8(truncatingIfNeeded: 48 + decimals / 10 % 10))
    buffer.append(UInt8(truncatingIfNeeded: 48 + decimals % 10))
  }

  private static func appendText(_ text: String, to buffer: inout [UInt8]) {
    buffer.append(quote)
    // A bridged or lazily joined string has no storage to look at.
    if text.utf8.withContiguousStorageIfAvailable({ appendEscaped($0, to: &buffer) }) == nil {
      Array(text.utf8).withUnsafeBufferPointer { appendEscaped($0, to: &buffer) }
    }
    buffer.append(quote)
  }

  private static func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, to buffer: inout [UInt8]) {
    var start = 0
    for index in text.indices {
      let byte = text[index]
      if byte >= 0x20 && byte != quote && byte != UInt8(ascii: "\\") { continue }
      buffer.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
      start = index + 1
      appendEscape(byte, to: &buffer)
    }
    buffer.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
  }

  private static func appendEscape(_ byte: UInt8, to buffer: inout [UInt8]) {
    switch byte {
    case quote: append("\\\"", to: &buffer)
    case UInt8(ascii: "\\"): append("\\\\", to: &buffer)
    case 0x0A: append("\\n", to: &buffer)
    case 0x0D: append("\\r", to: &buffer)
    case 0x09: append("\\t", to: &buffer)
    default:
      append("\\u00", to: &buffer)
      buffer.append(hexDigit(byte >> 4))
      buffer.append(hexDigit(byte & 15))
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

  /// The caller's JSON, on one line: valid JSON has line breaks only where a space means the same.
  private static func appendJSON(_ json: [UInt8], to buffer: inout [UInt8]) {
    guard !json.isEmpty else { return append("null", to: &buffer) }
    let start = buffer.count
    buffer.append(contentsOf: json)
    for lineBreak: Int32 in [0x0A, 0x0D] where contains(lineBreak, json) {
      for index in start..<buffer.count where buffer[index] == UInt8(lineBreak) { buffer[index] = space }
    }
  }

  private static func contains(_ byte: Int32, _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in bytes.baseAddress.map { memchr($0, byte, bytes.count) != nil } ?? false }
  }
}

extension RecordKind {
  /// A StaticString, as the raw value is a String that would have to be measured for each record.
  fileprivate var bytes: StaticString {
    switch self {
    case .recoverPutBackFailed: "RECOVFAILBACK"
    case .redistributionFailed: "REDISTFAIL"
    case .recoverDecodeFailed: "RECOVFAILDECODE"
    case .recoverTypeFailed: "RECOVFAILASSERT"
    case .deleteFailed: "DELFAIL"
    case .undecodable: "DECODERR"
    case .kickFailed: "KICKFAIL"
    case .exhausted: "EXHAUSTED"
    case .dropped: "DROPPED"
    case .sent: "SENT"
    case .resent: "RESENT"
    }
  }
}
