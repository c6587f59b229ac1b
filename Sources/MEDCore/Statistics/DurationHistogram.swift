/// How often something took how long, in steps of ``bounds``.
public struct DurationHistogram: Codable, Sendable, Equatable {
  /// Seconds: so much at most belongs to each step. Fine where deliveries are, coarse where time-outs are.
  public static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
  private static let nanoseconds = bounds.map { Int64(($0 * 1e9).rounded()) }

  /// How many belong to each step, and to none before it; the last is for all that took longer.
  public private(set) var counts = Array(repeating: UInt64(0), count: Self.bounds.count + 1)
  private var sumNanoseconds: UInt64 = 0

  /// Nothing happened.
  public init() {}

  /// All of them.
  public var count: UInt64 { counts.reduce(0, +) }
  /// How long all of them took together.
  public var sumSeconds: Double { Double(sumNanoseconds) / 1e9 }

  /// One more. A time that went backwards counts as none.
  mutating func note(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = seconds < 0 ? 0 : max(0, min(seconds, 1_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000)
    sumNanoseconds &+= UInt64(nanoseconds)
    var step = 0
    while step < Self.nanoseconds.count, nanoseconds > Self.nanoseconds[step] { step += 1 }
    counts[step] += 1
  }
}
