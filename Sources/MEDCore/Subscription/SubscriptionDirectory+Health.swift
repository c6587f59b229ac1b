extension SubscriptionDirectory {
  /// What time is to a directory. Tests pass their own.
  public struct Timing {
    /// The present moment.
    public var now: () -> ContinuousClock.Instant
    /// Waits so long.
    public var sleep: (Duration) async throws -> Void
    /// 0 ..< 1, for jitter.
    public var random: () -> Double

    /// The system's own time.
    public init(
      now: @escaping () -> ContinuousClock.Instant = { .now },
      sleep: @escaping (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
      random: @escaping () -> Double = { .random(in: 0..<1) }
    ) {
      self.now = now
      self.sleep = sleep
      self.random = random
    }
  }

  /// For `/healthz` and metrics.
  public struct Health: Sendable {
    /// How many are live.
    public var subscriptions: Int
    /// How many topics they have.
    public var topics: Int
    /// Topics that are known to have none.
    public var absentTopics: Int
    /// When the store last said what there is, or that nothing has changed.
    public var lastRefresh: ContinuousClock.Instant?
    /// The state comes from the file of an earlier run.
    public var isFromSnapshot: Bool
    /// nil: the store answers.
    public var storeError: StoreError?
    /// Times that it has failed.
    public var storeErrors: UInt64
    /// When that began.
    public var storeErrorAt: ContinuousClock.Instant?
    /// Until then it isn't asked about topics that aren't known.
    public var storeRetryAt: ContinuousClock.Instant?
    /// Why the snapshot could not be written.
    public var snapshotError: String?
  }
}

/// A time in which the store doesn't answer.
struct StoreOutage {
  static let firstPause = Duration.seconds(1)
  static let longestPause = Duration.seconds(30)

  private(set) var error: StoreError?
  private(set) var at: ContinuousClock.Instant?
  private(set) var retryAt: ContinuousClock.Instant?
  private var failures = 0

  /// Failures of what was asked together count as one.
  mutating func record(_ error: StoreError, at now: ContinuousClock.Instant, random: Double) {
    self.error = error
    at = now
    if let retryAt, now < retryAt { return }
    failures += 1
    retryAt = now + Self.pause(afterFailures: failures, random: random)
  }

  func errorBeforeRetry(at now: ContinuousClock.Instant) -> StoreError? {
    guard let error, let retryAt, now < retryAt else { return nil }
    return error
  }

  /// 1 s, 2 s, 4 s … 30 s, of which `random` takes off up to half.
  static func pause(afterFailures failures: Int, random: Double) -> Duration {
    let doubled = firstPause * (1 << min(max(failures - 1, 0), 5))
    return min(doubled, longestPause) * (1 - 0.5 * min(max(random, 0), 1))
  }
}
