import MEDCore

extension AdminTexts {
  /// What came of a test, recipient by recipient.
  public static func alertTest(_ json: JSONValue) -> String {
    var lines: [String] = []
    let deliveries = json["deliveries"].elements
    if deliveries.isEmpty {
      lines.append(
        "the subscription names nobody who gets its alerts, and there is no default receiver that can be reached")
    } else {
      lines.append(
        table(
          ["gateway", "recipient", "result"],
          deliveries.map { [shown($0["way"]), shown($0["recipient"]), result(of: $0)] }))
    }
    if json["alerter_enabled"] == false { lines.append("AlerterEnabled is false: of what happens no alert is sent") }
    if json["has_urls"] == false { lines.append("the subscription has no URL: of what happens no alert is sent") }
    return lines.joined(separator: "\n")
  }

  /// The latest alerts, one a line, with what kept one from its recipients below.
  public static func alerts(_ json: JSONValue) -> String {
    let alerts = json["alerts"].elements
    guard !alerts.isEmpty else { return "no alerts" }
    return alerts.map { alert in
      let head =
        "\(shown(alert["time"]))  \(shown(alert["state"]))  \(shown(alert["kind"]))  \(shown(alert["subject"]))"
      let problems = alert["deliveries"].elements.filter { $0["delivered"] == false }.map {
        "    \(shown($0["way"])) \(shown($0["recipient"])): \(shown($0["problem"]))"
      }
      return ([head] + problems).joined(separator: "\n")
    }.joined(separator: "\n")
  }

  private static func result(of delivery: JSONValue) -> String {
    delivery["delivered"] == true ? "sent" : "failed: \(shown(delivery["problem"]))"
  }
}
