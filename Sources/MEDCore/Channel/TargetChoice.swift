/// Balances pushes over a subscription's targets, round robin.
///
/// A target that just refused connections is passed over while another is healthy. It is tried again with one push
/// after 1 s, then 2 s, 4 s … at most 30 s while it goes on refusing. If none is healthy all are used in turn: the
/// last one is never passed over. The clock is the caller's.
public struct TargetChoice: Sendable {
  /// Moments on the loop's clock.
  public typealias Instant = ContinuousClock.Instant

  /// How long a target that refused a connection is passed over at first.
  public static let firstPause = Duration.seconds(1)
  /// How long at most; the pause doubles with each refusal.
  public static let longestPause = Duration.seconds(30)

  /// Among which is chosen.
  public private(set) var targets: Targets
  private var health: [Health]
  private var turn = 0

  private struct Health: Sendable {
    /// nil: healthy.
    var probeAt: Instant?
    var pause = Duration.zero
    var isProbed = false
  }

  /// A choice in which nothing has been refused yet.
  public init(_ targets: Targets) {
    self.targets = targets
    health = Array(repeating: Health(), count: targets.all.count)
  }

  /// Takes changed targets; what is known of those that stay is kept.
  public mutating func replace(_ new: Targets) {
    guard new != targets else { return }
    let known = Dictionary(zip(targets.all, health), uniquingKeysWith: { first, _ in first })
    health = new.all.map { known[$0] ?? Health() }
    targets = new
    turn = 0
  }

  /// The target of the next push; nil if no line qualifies.
  public mutating func next(at now: Instant) -> Target? {
    let count = targets.all.count
    guard count > 1 else { return targets.all.first }
    var chosen = turn
    for offset in 0..<count {
      let candidate = (turn + offset) % count
      guard let probeAt = health[candidate].probeAt else {
        chosen = candidate
        break
      }
      if probeAt <= now {
        // One push tells; the others wait for what it finds.
        health[candidate].probeAt = now + health[candidate].pause
        health[candidate].isProbed = true
        chosen = candidate
        break
      }
    }
    turn = (chosen + 1) % count
    return targets.all[chosen]
  }

  /// A connection to `target` was refused or could not be made.
  public mutating func refused(_ target: Target, at now: Instant) {
    for index in targets.all.indices where targets.all[index] == target {
      // Pushes that were under way together fail together: they count as one.
      if health[index].probeAt != nil && !health[index].isProbed { continue }
      health[index].pause = min(max(health[index].pause * 2, Self.firstPause), Self.longestPause)
      health[index].probeAt = now + health[index].pause
      health[index].isProbed = false
    }
  }

  /// `target` took a connection, whatever it answered.
  public mutating func answered(_ target: Target) {
    for index in targets.all.indices where targets.all[index] == target { health[index] = Health() }
  }

  /// Whether `target` is being passed over.
  public func isPassedOver(_ target: Target) -> Bool {
    targets.all.indices.contains { targets.all[$0] == target && health[$0].probeAt != nil }
  }
}
