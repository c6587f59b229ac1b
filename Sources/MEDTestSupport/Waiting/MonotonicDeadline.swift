/// A point in time by which something must have happened; setting the host's clock doesn't move it.
public struct MonotonicDeadline: Sendable {
  private let end: ContinuousClock.Instant

  public init(in duration: Duration) { end = .now.advanced(by: duration * Patience.factor) }

  public var hasPassed: Bool { remaining <= .zero }

  /// Never negative.
  public var remaining: Duration { max(.zero, ContinuousClock.now.duration(to: end)) }
}

extension Duration {
  /// Whole milliseconds, rounded up, so that a wait of half a millisecond isn't a busy loop; as `poll` takes them.
  var milliseconds: Int32 {
    let (seconds, attoseconds) = components
    guard seconds < 1_000_000 else { return 1_000_000_000 }
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
