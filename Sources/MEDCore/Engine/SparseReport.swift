/// Which of many like events the log tells of: the first one, then how many there were, once an interval at most.
struct SparseReport<Key: Hashable> {
  private struct Entry {
    var toldAt: ContinuousClock.Instant
    var untold = 0
  }

  let interval: Duration
  /// One for each key that anything has happened to; the owner has few keys, or forgets them.
  private var entries: [Key: Entry] = [:]

  init(every interval: Duration) { self.interval = interval }

  /// - Returns: the number of events to tell of now, nil for none.
  mutating func happened(_ key: Key, now: ContinuousClock.Instant) -> Int? {
    guard let entry = entries[key] else {
      entries[key] = Entry(toldAt: now)
      return 1
    }
    guard now - entry.toldAt >= interval else {
      entries[key]?.untold += 1
      return nil
    }
    entries[key] = Entry(toldAt: now)
    return entry.untold + 1
  }

  mutating func forget(_ keys: [Key]) {
    for key in keys { entries[key] = nil }
  }
}
