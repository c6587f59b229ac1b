/// What waits in a queue, as it was seen at a certain moment.
struct BacklogSample: Sendable, Equatable {
  var ready = 0
  var delayed = 0
  /// In somebody's hands, or left there by one that died.
  var buried = 0
  var reserved = 0
  /// When it was looked at; of a sum, the oldest part. nil: a queue server has not been looked at yet, and counts as
  /// nothing.
  var takenAt: ContinuousClock.Instant?

  init(
    ready: Int = 0, delayed: Int = 0, buried: Int = 0, reserved: Int = 0, takenAt: ContinuousClock.Instant? = nil
  ) {
    self.ready = ready
    self.delayed = delayed
    self.buried = buried
    self.reserved = reserved
    self.takenAt = takenAt
  }

  /// More than this isn't counted, whatever a server says: sums over all its tubes stay numbers.
  static let bound = 1_000_000_000_000

  init(_ statistics: TubeStatistics, at takenAt: ContinuousClock.Instant) {
    func bounded(_ jobs: Int) -> Int { min(max(jobs, 0), Self.bound) }
    self.init(
      ready: bounded(statistics.ready), delayed: bounded(statistics.delayed), buried: bounded(statistics.buried),
      reserved: bounded(statistics.reserved), takenAt: takenAt)
  }

  static func + (a: BacklogSample, b: BacklogSample) -> BacklogSample {
    var takenAt: ContinuousClock.Instant?
    if let first = a.takenAt, let second = b.takenAt { takenAt = min(first, second) }
    return BacklogSample(
      ready: a.ready + b.ready, delayed: a.delayed + b.delayed, buried: a.buried + b.buried,
      reserved: a.reserved + b.reserved, takenAt: takenAt)
  }

  static func sum(_ samples: some Sequence<BacklogSample>) -> BacklogSample {
    var iterator = samples.makeIterator()
    guard var sum = iterator.next() else { return BacklogSample() }
    while let next = iterator.next() { sum = sum + next }
    return sum
  }
}
