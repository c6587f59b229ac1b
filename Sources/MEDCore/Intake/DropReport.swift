/// Which drops the log tells of: a channel's first one, then how many there were, once a minute at most.
struct DropReport {
  static let interval = Duration.seconds(60)

  private struct Entry {
    var toldAt: ContinuousClock.Instant
    var untold = 0
  }

  /// At most as many as there are subscriptions.
  private var entries: [Int: Entry] = [:]

  /// A message for `subscription` was dropped.
  /// - Returns: the number of drops to tell of now, nil for none.
  mutating func dropped(_ subscription: Int, now: ContinuousClock.Instant) -> Int? {
    guard let entry = entries[subscription] else {
      entries[subscription] = Entry(toldAt: now)
      return 1
    }
    guard now - entry.toldAt >= Self.interval else {
      entries[subscription]?.untold += 1
      return nil
    }
    entries[subscription] = Entry(toldAt: now)
    return entry.untold + 1
  }

  mutating func forget(_ subscriptions: [Int]) {
    for id in subscriptions { entries[id] = nil }
  }
}
