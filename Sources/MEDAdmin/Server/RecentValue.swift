/// Takes a value once for all who ask at about the same time: however many ask, and however often, its source is asked
/// seldom.
actor RecentValue<Value: Sendable> {
  private let freshness: Duration
  private let take: @Sendable () async -> Value
  private var isTaking = false
  private var waiting: [CheckedContinuation<Taken, Never>] = []
  private var taken: Taken?
  private var count = 0

  /// A value, and the how manieth it is.
  struct Taken: Sendable {
    let value: Value
    let number: Int
    let at: ContinuousClock.Instant
  }

  /// - Parameters:
  ///   - freshness: for so long a value is given to whoever asks.
  ///   - take: asks the source; one call at a time.
  init(freshness: Duration, _ take: @escaping @Sendable () async -> Value) {
    self.freshness = freshness
    self.take = take
  }

  func value() async -> Value { await latest().value }

  func latest() async -> Taken {
    if let taken, ContinuousClock.now - taken.at < freshness { return taken }
    if isTaking { return await withCheckedContinuation { waiting.append($0) } }
    isTaking = true
    let value = await take()
    isTaking = false
    count += 1
    let latest = Taken(value: value, number: count, at: .now)
    taken = latest
    let whoWaited = waiting
    waiting = []
    for continuation in whoWaited { continuation.resume(returning: latest) }
    return latest
  }
}
