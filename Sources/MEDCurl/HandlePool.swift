/// Keeps handles for the next exchanges, and what is known of the targets that are in use.
///
/// A handle serves any target, since nothing but the URL is a target's own: as many are kept as were under way at once of
/// late, at most `limit`, however many targets there are. A target that wasn't used for a while is forgotten
/// (``forget(unusedSince:)``).
struct HandlePool<Handle: AnyObject> {
  typealias Instant = ContinuousClock.Instant

  final class Target {
    let name: String
    fileprivate(set) var running = 0
    fileprivate(set) var concurrency = 0
    fileprivate var lastUse: Instant

    fileprivate init(name: String, lastUse: Instant) {
      self.name = name
      self.lastUse = lastUse
    }
  }

  let limit: Int
  /// How many exchanges may run at once with all known targets together.
  private(set) var concurrency = 0
  private var idle: [Handle] = []
  private var running = 0
  /// The most that ran at once since the last ``forget(unusedSince:)``.
  private var peak = 0
  private var targets: [String: Target] = [:]

  init(limit: Int) { self.limit = limit }

  var idleCount: Int { idle.count }
  var isEmpty: Bool { targets.isEmpty && idle.isEmpty }
  var targetCount: Int { targets.count }

  /// The target by that name, marked as used, and the handle that was used last, if one is idle.
  mutating func take(_ name: String, concurrency: Int, at now: Instant) -> (target: Target, handle: Handle?) {
    let target = targets[name] ?? add(name, at: now)
    target.lastUse = now
    target.running += 1
    running += 1
    peak = max(peak, running)
    raiseConcurrency(of: target, to: max(concurrency, target.running))
    return (target, idle.popLast())
  }

  /// Ends a use that ``take(_:concurrency:at:)`` began.
  /// - Parameter handle: kept for the next use; nil if it is spoilt.
  mutating func giveBack(_ handle: Handle?, to target: Target) {
    target.running -= 1
    running -= 1
    if let handle, idle.count < limit { idle.append(handle) }
  }

  /// Forgets the targets that were not used since `instant`, and the handles that were not needed of late.
  mutating func forget(unusedSince instant: Instant) {
    for target in targets.values where target.running == 0 && target.lastUse < instant { remove(target) }
    idle.removeFirst(min(max(0, idle.count + running - peak), idle.count))
    peak = running
  }

  mutating func removeAll() {
    for target in targets.values { remove(target) }
    idle = []
  }

  private mutating func add(_ name: String, at now: Instant) -> Target {
    let target = Target(name: name, lastUse: now)
    targets[name] = target
    return target
  }

  private mutating func raiseConcurrency(of target: Target, to value: Int) {
    guard value > target.concurrency else { return }
    concurrency += value - target.concurrency
    target.concurrency = value
  }

  private mutating func remove(_ target: Target) {
    targets[target.name] = nil
    concurrency -= target.concurrency
  }
}
