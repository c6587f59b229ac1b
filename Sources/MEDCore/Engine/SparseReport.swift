/// Which of many like events the log tells of: the first one, then how many there were, once an interval at most.
///
/// Past ``bound`` keys those whose interval is over are forgotten; while none is, further ones share a place.
struct SparseReport<Key: Hashable> {
  static var bound: Int { 1_000 }

  private struct Entry {
    var toldAt: ContinuousClock.Instant
    var untold = 0
  }

  let interval: Duration
  /// nil is the place that is shared.
  private var entries: [Key?: Entry] = [:]

  init(every interval: Duration) { self.interval = interval }

  var count: Int { entries.count }

  /// - Returns: the number of events to tell of now, nil for none.
  mutating func happened(_ key: Key, now: ContinuousClock.Instant) -> Int? {
    let place = place(of: key, now: now)
    if let entry = entries[place], now - entry.toldAt < interval {
      entries[place]?.untold += 1
      return nil
    }
    let untold = entries[place]?.untold ?? 0
    entries[place] = Entry(toldAt: now)
    return untold + 1
  }

  private mutating func place(of key: Key, now: ContinuousClock.Instant) -> Key? {
    guard entries[key] == nil, entries.count >= Self.bound else { return key }
    let interval = interval
    entries = entries.filter { now - $0.value.toldAt < interval }
    return entries.count < Self.bound ? key : nil
  }
}
