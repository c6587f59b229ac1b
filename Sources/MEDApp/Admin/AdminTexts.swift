import MEDCore

/// Answers of the admin API as people read them.
public enum AdminTexts {
  /// `Name=value` of each parameter, one a line.
  public static func parameters(_ json: JSONValue) -> String {
    guard case .object(let members) = json["parameters"] else { return "" }
    return members.sorted { $0.key < $1.key }.map { "\($0.key)=\(shown($0.value))" }.joined(separator: "\n")
  }

  /// The table of parameters.
  public static func defaults(_ json: JSONValue) -> String {
    table(
      ["parameter", "default", "allowed"],
      json["parameters"].elements.map { [shown($0["name"]), shown($0["default"]), shown($0["allowed"])] })
  }

  /// Servers that can't be asked, then tubes.
  public static func queues(_ json: JSONValue) -> String {
    var lines: [String] = []
    for server in json["servers"].elements where server["error"] != .null {
      lines.append("\(shown(server["address"])): \(shown(server["error"]))")
    }
    let rows = json["queues"].elements.map { queue in
      ["tube", "server", "kind", "ready", "reserved", "delayed", "buried", "watching"].map { shown(queue[$0]) }
    }
    lines.append(
      rows.isEmpty
        ? "no tubes"
        : table(["tube", "server", "kind", "ready", "reserved", "delayed", "buried", "watching"], rows))
    return lines.joined(separator: "\n")
  }

  /// What a kick came to.
  public static func kick(_ json: JSONValue) -> String {
    let lines = json["servers"].elements.map { server in
      let message = shown(server["message"])
      return "\(shown(server["address"])): kicked \(shown(server["kicked"])) of \(shown(server["buried"]))"
        + (message.isEmpty ? "" : ", \(message)")
    }
    return (lines + ["\(shown(json["tube"])): \(shown(json["kicked"])) kicked"]).joined(separator: "\n")
  }

  /// Rows of the failure log, one a line, with the latest failure below.
  public static func failures(_ rows: [JSONValue]) -> String {
    guard !rows.isEmpty else { return "no failures" }
    return rows.map { row in
      let failure = shown(row["last_failure"])
      return "\(shown(row["id"]))  \(time(row["time"]))  \(shown(row["state"]))  \(shown(row["topic"]))"
        + "/\(shown(row["subscription"]))  \(shown(row["job_id"]))  retries \(shown(row["retry_times"]))\n    "
        + (failure.isEmpty ? shown(row["first_failure"]) : failure)
    }.joined(separator: "\n")
  }

  /// One row, with all that it holds.
  public static func failure(_ row: JSONValue, message: [UInt8]) -> String {
    let names = [
      "id", "state", "topic", "subscription", "job_id", "target", "retry_times", "first_failure", "last_failure",
    ]
    var lines = names.map { "\($0): \(shown(row[$0]))" }
    lines.insert("time: \(time(row["time"]))", at: 2)
    lines.append("message: \(shown(.string(String(decoding: message, as: UTF8.self))))")
    return lines.joined(separator: "\n")
  }

  /// `name: value`, one a line.
  public static func members(_ json: JSONValue) -> String {
    guard case .object(let members) = json else { return shown(json) }
    return members.sorted { $0.key < $1.key }.map { "\($0.key): \(shown($0.value))" }.joined(separator: "\n")
  }

  /// How it does, and what is wrong.
  public static func health(_ json: JSONValue) -> String {
    var lines = ["\(shown(json["status"])), version \(shown(json["version"]))"]
    for problem in json["problems"].elements {
      let subject = shown(problem["subject"])
      lines.append(
        "\(shown(problem["kind"]))\(subject.isEmpty ? "" : " \(subject)"): \(shown(problem["message"]))")
    }
    return lines.joined(separator: "\n")
  }

  // MARK: -

  static func table(_ heads: [String], _ rows: [[String]]) -> String {
    let widths = heads.indices.map { column in ([heads] + rows).map { $0[column].count }.max() ?? 0 }
    return ([heads] + rows).map { row in
      row.enumerated().map { index, text in
        index == row.count - 1 ? text : text + String(repeating: " ", count: widths[index] - text.count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func time(_ json: JSONValue?) -> String {
    guard case .integer(let seconds) = json else { return "-" }
    return String(
      RecordTime(microseconds: Int64(clamping: seconds).multipliedClamping(by: 1_000_000)).description.prefix(19))
      + "Z"
  }

  /// A value on one line; nothing in it acts on terminals.
  static func shown(_ json: JSONValue?) -> String {
    switch json {
    case .string(let text): escapeControlCharacters(text[...])
    case nil, .null: "-"
    case .some(let value): escapeControlCharacters(String(decoding: value.bytes, as: UTF8.self)[...])
    }
  }
}

extension JSONValue? {
  /// Of a list; none for anything else.
  var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
}

extension Int64 {
  fileprivate func multipliedClamping(by factor: Int64) -> Int64 {
    let (product, overflows) = multipliedReportingOverflow(by: factor)
    return overflows ? (self < 0 ? .min : .max) : product
  }
}
