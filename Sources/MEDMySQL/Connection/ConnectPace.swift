import MEDCore
import MEDLoop

/// How often a server that can't be reached is tried, by all connections together.
///
/// Callers have pauses of their own (the directory up to 30 s, the failure log 10 s); this one keeps many of them from
/// knocking at once.
final class ConnectPace: Sendable {
  static let firstPause = Duration.milliseconds(50)
  static let longestPause = Duration.seconds(1)

  private struct State {
    var failures = 0
    var error: StoreError?
    var retryAt: ContinuousClock.Instant?
  }

  private let state = Locked(State())

  /// - Throws: the last error, while its pause lasts.
  func check(at now: ContinuousClock.Instant = .now) throws(StoreError) {
    let error = state.withLock { state -> StoreError? in
      guard let retryAt = state.retryAt, now < retryAt else { return nil }
      return state.error
    }
    if let error { throw error }
  }

  func succeeded() { state.withLock { $0 = State() } }

  func failed(
    _ error: StoreError, at now: ContinuousClock.Instant = .now, random: Double = .random(in: 0..<1)
  ) {
    state.withLock { state in
      state.error = error
      // Failures of what was tried together count as one.
      if let retryAt = state.retryAt, now < retryAt { return }
      state.failures += 1
      state.retryAt = now + Self.pause(afterFailures: state.failures, random: random)
    }
  }

  /// 50 ms, 100 ms … 1 s, of which `random` takes off up to half.
  static func pause(afterFailures failures: Int, random: Double) -> Duration {
    min(firstPause * (1 << min(max(failures - 1, 0), 10)), longestPause) * (1 - 0.5 * min(max(random, 0), 1))
  }
}
