import MEDCore

/// A record as one line of JSON: the log's fields, and the message that the payload holds.
enum RecordJSON {
  /// - Parameter file: where it stands; left out if nil.
  static func line(_ line: DataLogLine, offset: UInt64, file: String?) -> [UInt8] {
    let record = line.record
    var object = JSONObject()
    if let file { object.add("file", text: file) }
    object.add("offset", raw: "\(offset)")
    object.add("time", text: "\(line.time)")
    object.add("kind", text: record.kind.rawValue)
    object.add("topic", text: record.topic)
    object.add("subscription", raw: record.subscription.map { "\($0)" })
    object.add("queue_server", text: record.queueServer)
    object.add("tube", text: record.tube)
    object.add("job_id", raw: record.jobID.map { "\($0)" })
    object.add("reason", text: record.reason)
    object.add("payload", text: record.payload.map(Base64.text))
    if let push = record.push {
      object.add("jobid", text: push.jobID)
      object.add("result", text: push.delivered ? "ok" : "failed")
      object.add("status", raw: "\(push.status)")
      object.add("elapsed_ms", raw: Milliseconds.text(push.elapsed))
      object.add("target", text: push.target)
      object.add("body", json: push.body)
    }
    if let message = RecordedMessage(record) { add(message, record, to: &object) }
    return object.closed + [0x0A]
  }

  private static func add(_ message: RecordedMessage, _ record: DataRecord, to object: inout JSONObject) {
    guard let envelope = message.envelope else {
      return object.add("undecodable", text: message.fault.map { "\($0)" })
    }
    var inner = JSONObject()
    inner.add("topic", text: envelope.topic)
    inner.add("jobid", text: record.subscription.map { envelope.pushJobID(subscription: $0) })
    inner.add("sender", text: envelope.sender)
    inner.add("time", raw: "\(envelope.time)")
    inner.add("origin_job_id", raw: "\(envelope.originJobID)")
    inner.add("retry_times", raw: "\(envelope.retryTimes)")
    inner.add("log_id", raw: "\(envelope.logID)")
    inner.add("delay", raw: "\(envelope.delay)")
    inner.add("priority", raw: envelope.hasPriority ? "\(envelope.priority)" : nil)
    if !envelope.context.isEmpty { inner.add("context", text: envelope.context) }
    if !envelope.owlContext.isEmpty { inner.add("owl_context", text: envelope.owlContext) }
    do throws(MessageError) {
      inner.add("body", json: try PushBody.json(envelope))
    } catch {
      inner.add("undecodable", text: "\(error)")
    }
    object.add("message", json: inner.closed)
  }
}

/// A JSON object that is written member by member; what is nil is left out.
private struct JSONObject {
  private var bytes: [UInt8] = [UInt8(ascii: "{")]

  var closed: [UInt8] { bytes + [UInt8(ascii: "}")] }

  mutating func add(_ name: String, text: String?) {
    guard let text else { return }
    begin(name)
    appendJSONString(text, to: &bytes)
  }

  mutating func add(_ name: String, raw: String?) {
    guard let raw else { return }
    begin(name)
    bytes += raw.utf8
  }

  /// - Parameter json: valid; what acts on terminals can only stand in its strings, and is escaped.
  mutating func add(_ name: String, json: [UInt8]) {
    begin(name)
    // Nothing but U+0080 and above, or DEL, can be left in valid JSON on one line.
    guard json.contains(where: { $0 >= 0x7F }) else { return bytes += json }
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
      if scalar.actsOnTerminals {
        let hex = String(scalar.value, radix: 16)
        bytes += ("\\u" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex).utf8
      } else {
        bytes += UTF8.encode(scalar).map(Array.init) ?? []
      }
    }
  }

  private mutating func begin(_ name: String) {
    bytes += ((bytes.count > 1 ? "," : "") + "\"\(name)\":").utf8
  }
}
