/// What a push carries (SPEC §5), transcoded from the message's bytes straight into the text that is sent.
public enum PushBody {
  /// The form: `jobid=…&message=…&retry_times=…`, `application/x-www-form-urlencoded`.
  /// - Throws: if the body holds what JSON can't: NaN, infinities, extension types, containers as map keys.
  public static func form(
    jobID: String, retryTimes: UInt64, envelope: Envelope
  ) throws(MessageError) -> [UInt8] {
    var output = OutputBuffer(capacity: 192 + 2 * envelope.body.count)
    output.put("jobid=")
    encode(jobID, into: &output)
    output.reserve(16)
    output.put("&message=")
    try message(of: envelope, as: FormEncodedJSON.self, into: &output)
    output.reserve(40)
    output.put("&retry_times=")
    output.put(decimal: retryTimes)
    return output.bytes
  }

  /// The message's body as JSON text, UTF-8; `null` if it has none.
  /// - Throws: as ``form(jobID:retryTimes:envelope:)``.
  public static func json(_ envelope: Envelope) throws(MessageError) -> [UInt8] {
    var output = OutputBuffer(capacity: 64 + envelope.body.count + envelope.body.count / 4)
    try message(of: envelope, as: PlainJSON.self, into: &output)
    return output.bytes
  }

  private static func message<Sink: JSONSink>(
    of envelope: Envelope, as sink: Sink.Type, into output: inout OutputBuffer
  ) throws(MessageError) {
    guard !envelope.body.isEmpty else { return output.put("null") }
    try JSONTranscoder<Sink>.transcode(
      envelope.bytes.span.bytes, at: envelope.body.lowerBound, depth: 1, into: &output)
  }

  private static func encode(_ text: String, into output: inout OutputBuffer) {
    let table = FormEncodedJSON.syntax
    output.reserve(3 * text.utf8.count)
    for byte in text.utf8 { output.put(table[Int(byte)].word, length: table[Int(byte)].length) }
  }
}
