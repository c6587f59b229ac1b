/// Durations as Go writes them: `20s`, `1m30s`, `1.5h`, `500ms`.
enum GoDuration {
  private static let units: [(name: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]
  /// Longer ones are as good as this one, and fit into everything.
  private static let longest = 1e18

  /// - Returns: never less than zero; nil if it is no duration.
  static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    var rest = Substring(text)
    if rest.first == "+" { rest.removeFirst() }
    guard !rest.isEmpty, rest.utf8.count <= 64 else { return nil }
    var total = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0 == "." || ("0"..."9").contains($0) }
      guard let number = Double(String(digits)), number.isFinite else { return nil }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isLetter }
      guard let unit = units.first(where: { $0.name == name }) else { return nil }
      rest = rest.dropFirst(name.count)
      total = min(total + number * unit.nanoseconds, longest)
    }
    return .nanoseconds(Int64(total.rounded()))
  }
}
