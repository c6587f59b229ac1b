import MEDCore

extension AmendReport {
  /// The report for people.
  public var text: String {
    var lines = servers.flatMap(\.lines)
    for pattern in unmatched { lines.append("no tube matches \(quoted(pattern.description))") }
    if isInterrupted { lines.append("interrupted: what is listed was done, the rest was not") }
    lines.append(totals)
    if watchedTubes > 0 {
      lines.append(
        "watched tubes are somebody's work, and its jobs would be pushed twice; --even-watched kicks them all the same")
    }
    return lines.joined(separator: "\n")
  }

  private var totals: String {
    let failed = servers.count { $0.failure != nil }
    var parts = [
      Self.count(servers.count { $0.sameAs == nil }, "queue server") + (failed > 0 ? " (\(failed) failed)" : ""),
      "\(buried) buried in \(Self.count(tubes, "tube"))",
      isDryRun ? "nothing kicked (dry run)" : "\(kicked) kicked",
    ]
    if left > leftWatched { parts.append("\(left - leftWatched) \(isDryRun ? "would be kicked" : "not kicked")") }
    if watchedTubes > 0 { parts.append("\(leftWatched) left in \(Self.count(watchedTubes, "watched tube"))") }
    return "total: " + parts.joined(separator: ", ")
  }

  static func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
}

extension AmendReport.Server {
  fileprivate var lines: [String] {
    if let sameAs { return ["\(address): is the same queue server as \(sameAs)"] }
    if tubesSeen == 0, let failure { return ["\(address): failed: \(escapeControlCharacters(failure[...]))"] }
    var lines = ["\(address): \(AmendReport.count(tubesSeen, "tube")), \(tubes.count) with buried jobs"]
    var table = TextTable(["  tube", "buried", "result"], flushLeft: [2])
    for tube in tubes {
      table.add(["  " + escapeControlCharacters(tube.name[...]), "\(tube.buried)", tube.inWords])
    }
    if !tubes.isEmpty { lines += table.lines }
    if let failure { lines.append("  failed: \(escapeControlCharacters(failure[...]))") }
    if tubesNotReached > 0 { lines.append("  \(AmendReport.count(tubesNotReached, "tube")) not looked at") }
    return lines
  }
}

extension AmendReport.Tube {
  var inWords: String {
    let before = kicked > 0 ? "kicked \(kicked), then " : ""
    switch outcome {
    case .kicked: return "kicked \(kicked)"
    case .wouldKick: return "would kick \(buried)"
    case .watched(let count):
      return before + "skipped: watched by \(AmendReport.count(count, "connection")), \(left) left buried"
    case .failed(let reason): return before + "failed: \(escapeControlCharacters(reason[...]))"
    case .interrupted: return before + "interrupted: \(left) left buried"
    }
  }
}
