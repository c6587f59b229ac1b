import MEDCore

extension AmendReport {
  /// The same for scripts: one object in one line, whose shape Docs/amender.md tells.
  public var json: String {
    var bytes = Array(#"{"complete":\#(isComplete),"dry_run":\#(isDryRun),"interrupted":\#(isInterrupted)"#.utf8)
    bytes += #","buried":\#(buried),"kicked":\#(kicked),"left_buried":\#(left)"#.utf8
    bytes += #","watched_tubes":\#(watchedTubes),"unmatched":"#.utf8
    append(list: unmatched, to: &bytes) { appendJSONString($0.description, to: &$1) }
    bytes += #","queue_servers":"#.utf8
    append(list: servers, to: &bytes) { $0.append(to: &$1) }
    bytes += "}".utf8
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension AmendReport.Server {
  fileprivate func append(to bytes: inout [UInt8]) {
    bytes += #"{"address":"#.utf8
    appendJSONString(address, to: &bytes)
    bytes += #","failure":"#.utf8
    MEDApp.append(optional: failure, to: &bytes)
    bytes += #","same_as":"#.utf8
    MEDApp.append(optional: sameAs, to: &bytes)
    bytes += #","tubes_seen":\#(tubesSeen),"tubes_not_reached":\#(tubesNotReached),"tubes":"#.utf8
    MEDApp.append(list: tubes, to: &bytes) { $0.append(to: &$1) }
    bytes += "}".utf8
  }
}

extension AmendReport.Tube {
  fileprivate func append(to bytes: inout [UInt8]) {
    bytes += #"{"tube":"#.utf8
    appendJSONString(name, to: &bytes)
    bytes += #","outcome":"\#(outcome.word)","buried":\#(buried),"kicked":\#(kicked),"left_buried":\#(left)"#.utf8
    var watching = 0
    var failure: String?
    switch outcome {
    case .watched(let count): watching = count
    case .failed(let reason): failure = reason
    case .kicked, .wouldKick, .interrupted: break
    }
    bytes += #","watching":\#(watching),"failure":"#.utf8
    MEDApp.append(optional: failure, to: &bytes)
    bytes += "}".utf8
  }
}

extension AmendReport.Tube.Outcome {
  fileprivate var word: String {
    switch self {
    case .kicked: "kicked"
    case .wouldKick: "would_kick"
    case .watched: "watched"
    case .failed: "failed"
    case .interrupted: "interrupted"
    }
  }
}

private func append<Item>(list: [Item], to bytes: inout [UInt8], _ item: (Item, inout [UInt8]) -> Void) {
  bytes += "[".utf8
  for (index, one) in list.enumerated() {
    bytes += (index > 0 ? "," : "").utf8
    item(one, &bytes)
  }
  bytes += "]".utf8
}

private func append(optional text: String?, to bytes: inout [UInt8]) {
  if let text { appendJSONString(text, to: &bytes) } else { bytes += "null".utf8 }
}
