import MEDCore

/// Subscriptions as `medctl subscriptions list` shows them.
public enum SubscriptionListing {
  public static func text(_ all: [ListedSubscription]) -> String {
    guard !all.isEmpty else { return "no subscriptions" }
    var lines: [String] = []
    for listed in all {
      let subscription = listed.subscription
      let state = listed.isCancelled ? ", cancelled" : ""
      lines.append(
        escapeControlCharacters("\(subscription.id)  \(subscription.topic)  (\(listed.subscriber)\(state))"[...]))
      for url in subscription.receptionChannel.split(whereSeparator: \.isNewline) {
        lines.append("    " + escapeControlCharacters(url))
      }
      let parameters = shown(subscription.parameters).map { "\($0.key)=\($0.value)" }
      if !parameters.isEmpty { lines.append("    " + escapeControlCharacters(parameters.joined(separator: " ")[...])) }
    }
    return lines.joined(separator: "\n")
  }

  public static func json(_ all: [ListedSubscription]) -> String {
    var bytes = Array("[".utf8)
    for (index, listed) in all.enumerated() {
      let subscription = listed.subscription
      bytes += ((index > 0 ? "," : "") + #"{"id":\#(subscription.id),"topic":"#).utf8
      appendJSONString(subscription.topic, to: &bytes)
      bytes += #","subscriber":"#.utf8
      appendJSONString(listed.subscriber, to: &bytes)
      bytes += #","status":\#(listed.status),"reception_channel":"#.utf8
      appendJSONString(subscription.receptionChannel, to: &bytes)
      bytes += #","parameters":{"#.utf8
      for (index, parameter) in shown(subscription.parameters).enumerated() {
        bytes += (index > 0 ? "," : "").utf8
        appendJSONString(parameter.key, to: &bytes)
        bytes += ":".utf8
        appendJSONString(parameter.value, to: &bytes)
      }
      bytes += "}}".utf8
    }
    bytes += "]".utf8
    return String(decoding: bytes, as: UTF8.self)
  }

  /// In the order of their names; secrets are not shown.
  static func shown(_ parameters: [String: String]) -> [(key: String, value: String)] {
    parameters.sorted { $0.key < $1.key }.map { name, value in
      (name, ParameterName(rawValue: name)?.isSecret == true && !value.isEmpty ? "…" : value)
    }
  }
}
