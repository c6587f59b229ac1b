/// Lets one alert of a kind about a subscription through in its interval (SPEC §15).
///
/// Remembers what was let through until its interval is over: at most one entry for each kind and subscription.
struct AlertPace {
  private struct Key: Hashable {
    let kind: Alert.Kind
    let subscription: Int?
  }

  private struct Entry {
    let at: Duration
    /// As it was in force last.
    var interval: Duration
  }

  /// So many are looked through for old ones when they have become twice as many.
  private static let fewest = 1_024

  private var entries: [Key: Entry] = [:]
  private var sweepAt = Self.fewest

  /// How much is remembered.
  var count: Int { entries.count }

  /// - Parameter time: on a clock that never goes back.
  mutating func lets(
    _ kind: Alert.Kind, about subscription: Int?, every interval: Duration, at time: Duration
  ) -> Bool {
    let key = Key(kind: kind, subscription: subscription)
    if let entry = entries[key], time - entry.at < interval {
      entries[key]?.interval = interval
      return false
    }
    entries[key] = Entry(at: time, interval: interval)
    if entries.count >= sweepAt {
      entries = entries.filter { time - $0.value.at < $0.value.interval }
      sweepAt = max(Self.fewest, 2 * entries.count)
    }
    return true
  }
}
