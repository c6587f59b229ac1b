import MEDCore

/// The forms that the console has them in.
extension RPCStatistics {
  /// Of each minute with commands its begin, a line of JSON and an empty line:
  /// ```
  /// 2026-11-27T00:04:00Z
  /// {"GetPushStatistics":{"FailedReq":0,"FinishedReq":3,"TotalReq":3}}
  ///
  /// ```
  /// Without any: `no stats at the time.`
  public func text(until minute: Int) -> [UInt8] {
    let entries = entries(until: minute)
    guard !entries.isEmpty else { return Array("no stats at the time.\r\n".utf8) }
    var bytes: [UInt8] = []
    Self.forEachMinute(entries) { minute, commands in
      let begin = RecordTime(microseconds: Int64(minute) * 60_000_000).description.prefix(19)
      bytes += "\(begin)Z\n".utf8
      bytes += JSONValue.object(commands).bytes
      bytes += "\n\n".utf8
    }
    return bytes
  }

  /// One object: the begin of each minute with commands in seconds since 1970 → command → counts.
  /// ```
  /// {"1795737840": {"GetPushStatistics": {"TotalReq": 3, "FinishedReq": 3, "FailedReq": 0}}}
  /// ```
  public func json(until minute: Int) -> [UInt8] {
    var bytes = Array("{".utf8)
    Self.forEachMinute(entries(until: minute)) { minute, commands in
      if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
      bytes += "\"\(minute * 60)\":".utf8
      bytes += JSONValue.object(commands).bytes
    }
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  private static func forEachMinute(_ entries: [Entry], _ body: (Int, [String: JSONValue]) -> Void) {
    var rest = entries[...]
    while let first = rest.first {
      let minute = rest.prefix { $0.minute == first.minute }
      rest = rest.dropFirst(minute.count)
      body(first.minute, Dictionary(uniqueKeysWithValues: minute.map { ($0.command, $0.counts.json) }))
    }
  }
}

extension RPCStatistics.Counts {
  fileprivate var json: JSONValue {
    [
      "TotalReq": .integer(Int(clamping: finished) + Int(clamping: failed)),
      "FinishedReq": .integer(Int(clamping: finished)), "FailedReq": .integer(Int(clamping: failed)),
    ]
  }
}
