/// How often servers that can't be used are tried, however often callers ask.
struct ConnectPace {
  static let firstPause = Duration.milliseconds(50)
  static let longestPause = Duration.seconds(1)

  private var failures = 0
  private var error: RedisError?
  private var retryAt: ContinuousClock.Instant?

  /// - Throws: the last error, while its pause lasts.
  func check(at now: ContinuousClock.Instant = .now) throws(RedisError) {
    guard let error, let retryAt, now < retryAt else { return }
    throw error
  }

  mutating func succeeded() { self = ConnectPace() }

  mutating func failed(
    _ error: RedisError, at now: ContinuousClock.Instant = .now, random: Double = .random(in: 0..<1)
  ) {
    self.error = error
    failures += 1
    retryAt = now + Self.pause(afterFailures: failures, random: random)
  }

  /// 50 ms, 100 ms … 1 s, of which `random` takes off up to half.
  static func pause(afterFailures failures: Int, random: Double) -> Duration {
    min(firstPause * (1 << min(max(failures - 1, 0), 10)), longestPause) * (1 - 0.5 * min(max(random, 0), 1))
  }
}
