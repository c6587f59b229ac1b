/// What became of all pushes since the start.
public struct PushTotals: Codable, Sendable, Equatable {
  /// Messages' first pushes, by the name of their ``PushOutcome``. Those that never came about are left out.
  public private(set) var first: [String: UInt64] = [:]
  /// Repeated pushes, likewise.
  public private(set) var repeated: [String: UInt64] = [:]
  /// How long they took, from the start of the push to the answer's last byte.
  public var durations = DurationHistogram()

  /// No pushes.
  public init() {}

  /// The same from what was counted on the way of messages.
  init(_ tally: PushTally) {
    for outcome in PushOutcome.allCases {
      let (first, repeated) = (tally[.channel, outcome], tally[.retry, outcome])
      if first > 0 { self.first[outcome.name] = first }
      if repeated > 0 { self.repeated[outcome.name] = repeated }
    }
    durations = tally.durations
  }
}

/// The same where it is counted: numbers in place, nothing allocated for a push.
struct PushTally {
  private static let outcomes = PushOutcome.allCases.count
  private var counts = Array(repeating: UInt64(0), count: 2 * Self.outcomes)
  private(set) var durations = DurationHistogram()

  mutating func count(_ kind: Lane.Kind, _ outcome: PushOutcome, took duration: Duration) {
    counts[Self.place(kind, outcome)] += 1
    durations.note(duration)
  }

  subscript(kind: Lane.Kind, outcome: PushOutcome) -> UInt64 { counts[Self.place(kind, outcome)] }

  private static func place(_ kind: Lane.Kind, _ outcome: PushOutcome) -> Int {
    outcome.rawValue + (kind == .channel ? 0 : outcomes)
  }
}
