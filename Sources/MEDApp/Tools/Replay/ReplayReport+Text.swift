import MEDCore

extension ReplayReport {
  /// Rows of the table at most.
  private static let rows = 40

  public var text: String {
    var lines = table
    lines += examples.map { "example: \($0)" }
    lines.append(totals)
    for file in files { lines.append(Self.line(file, isDryRun: isDryRun)) }
    if servers.count > 1 { lines += servers.map { "\($0.address): \($0.put) put" } }
    if unanswered > 0 {
      lines.append(
        "\(unanswered) of them may be in a queue twice, with the same jobid: a queue server was lost before it answered"
      )
    }
    lines += end
    return lines.joined(separator: "\n")
  }

  private var table: [String] {
    guard !groups.isEmpty else { return [] }
    var table = TextTable(["kind", "topic", "into", isDryRun ? "would put" : "put"], flushLeft: [1, 2])
    let sorted = sortedGroups
    for (group, count) in sorted.prefix(Self.rows) {
      table.add([group.kind.rawValue, escapeControlCharacters(group.topic[...]), group.tube, "\(count)"])
    }
    let rest = sorted.dropFirst(Self.rows)
    let further = rest.reduce(furtherPut) { $0 + $1.count }
    let note =
      further > 0 ? ["… and \(further) more, into \(furtherPut > 0 ? "more than " : "")\(rest.count) others"] : []
    return table.lines + note
  }

  private var totals: String {
    var parts = ["\(put) \(isDryRun ? "would be put" : "put")"]
    let counts = [
      (notChosen, "not chosen"), (withoutPayload, "without a message"), (leftOut, "left out"),
      (malformed, "no records"), (tooLong, "too long"),
    ]
    parts += counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return "total: " + parts.joined(separator: ", ")
  }

  private static func line(_ file: File, isDryRun: Bool) -> String {
    var text = "\(escapeControlCharacters(file.path[...])): bytes \(file.from) to \(file.to) of \(file.end)"
    if file.putBefore > 0 { text += ", \(file.putBefore) put before" }
    if let torn = file.torn {
      text +=
        "; the last line (from byte \(torn)) isn't complete: cut off by a crash, or being written; not passed over"
    }
    return isDryRun ? text : text + "; position in \(escapeControlCharacters(file.positionPath[...]))"
  }

  private var end: [String] {
    let command = command.isEmpty ? "the same command goes on" : "go on: \(command)"
    if let failure { return ["stopped: \(escapeControlCharacters(failure[...]))", "the position is kept; \(command)"] }
    if wasInterrupted { return ["interrupted; the position is kept; \(command)"] }
    if isDryRun { return put > 0 ? ["nothing was put; to do it: \(self.command)"] : ["there is nothing to put"] }
    return []
  }
}
