/// When a failed message is pushed again, and when it is given up (SPEC §6).
public struct RetrySchedule: Sendable, Equatable {
  /// `Retry-After` can lengthen a delay up to here.
  public static let longestRequested: UInt32 = 86_400

  /// Seconds.
  public var coefficient: UInt32
  /// Retries after the first push, 0 or more.
  public var maximumRetries: UInt64

  /// A schedule of `(retries + 1)² × coefficient` seconds.
  public init(coefficient: UInt32 = 10, maximumRetries: UInt64 = 10) {
    self.coefficient = coefficient
    self.maximumRetries = maximumRetries
  }

  /// Whole seconds until the next push of a message that has been repeated `retries` times:
  /// `(retries + 1)² × coefficient`, at most what a queue server can hold (2³²−1).
  /// - Parameters:
  ///   - retries: pushes repeated so far.
  ///   - requested: whole seconds that the subscriber asked for; never shortens the delay.
  public func delay(after retries: UInt64, requested: UInt32 = 0) -> UInt32 {
    let next = retries &+ 1
    let (square, overflow) = next.multipliedReportingOverflow(by: next)
    let (seconds, tooLong) = square.multipliedReportingOverflow(by: UInt64(coefficient))
    let delay = overflow || tooLong || next == 0 ? UInt32.max : UInt32(clamping: seconds)
    return max(delay, min(requested, Self.longestRequested))
  }

  /// Whether a message that failed after so many retries is given up.
  public func givesUp(after retries: UInt64) -> Bool { retries >= maximumRetries }
}
