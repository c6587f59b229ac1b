import MEDCore

/// A record as people read it: a line of what it names, then its reason and its message, indented.
enum RecordText {
  /// Longer texts are cut: what is shown is for the eye, --json has all.
  static let maximumText = 4_000
  private static let shownBytes = 64

  static func text(_ line: DataLogLine) -> String {
    var lines = [head(line)]
    if let reason = line.record.reason { lines.append("    reason: " + cut(reason)) }
    if let message = RecordedMessage(line.record) {
      lines += messageLines(message)
    } else if let push = line.record.push {
      lines.append("    message: " + cut(String(decoding: push.body, as: UTF8.self)))
    }
    return lines.joined(separator: "\n")
  }

  /// `<time> <KIND> topic=… subscription=… …`
  static func head(_ line: DataLogLine) -> String {
    let record = line.record
    var words = ["\(line.time)", record.kind.rawValue]
    func add(_ name: String, _ value: String?) {
      if let value { words.append("\(name)=\(word(value))") }
    }
    add("topic", record.topic)
    add("subscription", record.subscription.map { "\($0)" })
    add("queue_server", record.queueServer)
    add("tube", record.tube)
    add("job_id", record.jobID.map { "\($0)" })
    if let push = record.push {
      add("jobid", push.jobID)
      add("result", push.delivered ? "ok" : "failed")
      add("status", "\(push.status)")
      add("elapsed_ms", Milliseconds.text(push.elapsed))
      add("target", push.target)
    }
    if let envelope = RecordedMessage(record)?.envelope {
      if record.topic == nil { add("topic", envelope.topic) }
      add("jobid", record.subscription.map { envelope.pushJobID(subscription: $0) })
      add("retry_times", "\(envelope.retryTimes)")
      if !envelope.sender.isEmpty { add("sender", envelope.sender) }
    }
    return words.joined(separator: " ")
  }

  private static func messageLines(_ message: RecordedMessage) -> [String] {
    let fault: MessageError?
    if let envelope = message.envelope {
      do throws(MessageError) {
        return ["    message: " + cut(String(decoding: try PushBody.json(envelope), as: UTF8.self))]
      } catch {
        fault = error
      }
    } else {
      fault = message.fault
    }
    let hex = message.bytes.prefix(shownBytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(
      separator: " ")
    let more = message.bytes.count > shownBytes ? " …" : ""
    return [
      "    undecodable: " + (fault.map { "\($0)" } ?? ""), "    bytes: \(message.bytes.count): \(hex)\(more)",
    ]
  }

  private static func cut(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(maximumText)
    let isWhole = shown.endIndex == text.unicodeScalars.endIndex
    return escapeControlCharacters(Substring(shown)) + (isWhole ? "" : " … (\(text.utf8.count) bytes)")
  }

  /// In quotes where it wouldn't be one word.
  private static func word(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && !$0.actsOnTerminals }
    return isPlain ? text : quoted(text)
  }
}

/// Three decimals, as in the DATA log.
enum Milliseconds {
  static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    let fraction = String(microseconds % 1000)
    return "\(microseconds / 1000)." + String(repeating: "0", count: max(0, 3 - fraction.count)) + fraction
  }
}
