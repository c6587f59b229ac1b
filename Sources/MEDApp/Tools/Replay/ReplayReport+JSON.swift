import MEDCore

extension ReplayReport {
  /// One object on one line.
  public var json: String {
    var bytes = Array(#"{"dry_run":\#(isDryRun),"put":\#(put),"not_chosen":\#(notChosen)"#.utf8)
    bytes += #","without_payload":\#(withoutPayload),"left_out":\#(leftOut),"malformed":\#(malformed)"#.utf8
    bytes += #","too_long":\#(tooLong),"unanswered":\#(unanswered),"interrupted":\#(wasInterrupted),"failure":"#.utf8
    Self.append(failure, to: &bytes)
    bytes += #","groups":["#.utf8
    for (index, entry) in sortedGroups.enumerated() {
      bytes += ((index > 0 ? "," : "") + #"{"kind":"\#(entry.group.kind.rawValue)","topic":"#).utf8
      appendJSONString(entry.group.topic, to: &bytes)
      bytes += #","into":"\#(entry.group.tube)","count":\#(entry.count)}"#.utf8
    }
    bytes += #"],"files":["#.utf8
    for (index, file) in files.enumerated() {
      bytes += ((index > 0 ? "," : "") + #"{"file":"#).utf8
      appendJSONString(file.path, to: &bytes)
      bytes += #","position_file":"#.utf8
      appendJSONString(file.positionPath, to: &bytes)
      bytes += #","from":\#(file.from),"to":\#(file.to),"size":\#(file.end),"put_before":\#(file.putBefore)"#.utf8
      bytes += #","torn_at":\#(file.torn.map { "\($0)" } ?? "null")}"#.utf8
    }
    bytes += #"],"queue_servers":["#.utf8
    for (index, server) in servers.enumerated() {
      bytes += ((index > 0 ? "," : "") + #"{"address":"#).utf8
      appendJSONString(server.address, to: &bytes)
      bytes += #","put":\#(server.put),"failure":"#.utf8
      Self.append(server.failure, to: &bytes)
      bytes += "}".utf8
    }
    bytes += #"],"command":"#.utf8
    appendJSONString(command, to: &bytes)
    bytes += "}".utf8
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func append(_ text: String?, to bytes: inout [UInt8]) {
    guard let text else { return bytes += "null".utf8 }
    appendJSONString(text, to: &bytes)
  }
}
