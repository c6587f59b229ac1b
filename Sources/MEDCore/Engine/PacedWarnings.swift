/// Lets a warning that each message of a subscription could raise into the log once in ``interval``.
///
/// Outlives lanes, which come and go with their messages. Past ``bound`` subscriptions those whose interval is over are
/// forgotten; while none is, further ones share the last place.
struct PacedWarnings {
  typealias Instant = ContinuousClock.Instant

  /// What is warned of.
  enum Subject: Hashable, CaseIterable {
    case noTarget, unsendableHeader
  }

  static let interval = Duration.seconds(60)
  static let bound = 1_000

  private struct Key: Hashable {
    let subject: Subject
    /// nil: the place that is shared.
    let subscription: Int?
  }

  private struct Pace {
    var next: Instant
    var suppressed = 0
  }

  private var paces: [Key: Pace] = [:]

  /// - Returns: nil if nothing is to be logged now; else how many such warnings were left out since the last one.
  mutating func pass(_ subject: Subject, of subscription: Int, at now: Instant) -> Int? {
    var key = Key(subject: subject, subscription: subscription)
    if paces[key] == nil, paces.count >= Self.bound {
      paces = paces.filter { $0.value.next > now }
      if paces.count >= Self.bound { key = Key(subject: subject, subscription: nil) }
    }
    guard let pace = paces[key], pace.next > now else {
      let suppressed = paces[key]?.suppressed ?? 0
      paces[key] = Pace(next: now + Self.interval)
      return suppressed
    }
    paces[key]?.suppressed += 1
    return nil
  }

  var count: Int { paces.count }
}
