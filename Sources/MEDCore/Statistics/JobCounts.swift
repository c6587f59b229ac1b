/// How many jobs there are in a queue, as it was seen when it was looked at last.
public struct JobCounts: Codable, Sendable, Equatable {
  /// Waiting.
  public var ready = 0
  /// Waiting for their time.
  public var delayed = 0
  /// In somebody's hands, or left there by one that died.
  public var buried = 0
  /// In somebody's hands.
  public var reserved = 0
  /// How old that is; of a sum, its oldest part. nil: some of it has not been looked at yet, and counts as nothing.
  public var ageSeconds: Double?

  /// Nothing was seen.
  public init() {}

  init(_ sample: BacklogSample, now: ContinuousClock.Instant) {
    (ready, delayed, buried, reserved) = (sample.ready, sample.delayed, sample.buried, sample.reserved)
    ageSeconds = sample.takenAt.map { max(0, (now - $0).inSeconds) }
  }

  /// In whatever state.
  var all: Int { ready + delayed + buried + reserved }

  /// By the names of the states.
  var byState: [(state: String, jobs: Int)] {
    [("ready", ready), ("delayed", delayed), ("buried", buried), ("reserved", reserved)]
  }
}
