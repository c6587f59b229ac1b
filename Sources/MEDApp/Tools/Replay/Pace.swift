/// Spreads what is done evenly over time: so many a second, never more to make up for what was missed.
struct Pace {
  private let interval: Duration
  private var next: ContinuousClock.Instant?

  /// - Parameter rate: a second, at least 1.
  init(rate: Int) { interval = .nanoseconds(1_000_000_000 / Int64(max(1, rate))) }

  /// When the next may begin; it is taken for begun then.
  mutating func begin(at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
    let start = max(now, next ?? now)
    next = start + interval
    return start
  }
}
