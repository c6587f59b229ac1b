/// Keeps handles for the targets that are in use: each target's own, because they are configured for it.
///
/// Bounded in two ways: past `limit` idle handles the target used least recently loses its own, and a target that wasn't
/// used for a while is forgotten (``forget(unusedSince:)``). So what is kept scales with what is busy.
struct HandlePool<Handle: AnyObject> {
  typealias Instant = ContinuousClock.Instant

  final class Target {
    let name: String
    fileprivate(set) var idle: [Handle] = []
    fileprivate(set) var running = 0
    /// The most that ran at once since the last ``HandlePool/forget(unusedSince:)``.
    fileprivate var peak = 0
    fileprivate(set) var concurrency = 0
    fileprivate var lastUse: Instant
    fileprivate var newer: Target?
    fileprivate var older: Target?

    fileprivate init(name: String, lastUse: Instant) {
      self.name = name
      self.lastUse = lastUse
    }
  }

  let limit: Int
  private(set) var idleCount = 0
  /// How many exchanges may run at once with all known targets together.
  private(set) var concurrency = 0
  private var targets: [String: Target] = [:]
  private var newest: Target?
  private var oldest: Target?

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { targets.isEmpty }
  var targetCount: Int { targets.count }

  /// The target by that name, marked as used, and the handle of it that was used last, if one is idle.
  mutating func take(_ name: String, concurrency: Int, at now: Instant) -> (target: Target, handle: Handle?) {
    let target = targets[name] ?? add(name, at: now)
    target.lastUse = now
    moveToFront(target)
    target.running += 1
    target.peak = max(target.peak, target.running)
    raiseConcurrency(of: target, to: max(concurrency, target.running))
    guard let handle = target.idle.popLast() else { return (target, nil) }
    idleCount -= 1
    return (target, handle)
  }

  /// Ends a use that ``take(_:concurrency:at:)`` began.
  /// - Parameter handle: kept for the next use; nil if it is spoilt.
  mutating func giveBack(_ handle: Handle?, to target: Target) {
    target.running -= 1
    guard let handle, limit > 0 else { return }
    target.idle.append(handle)
    idleCount += 1
    if idleCount > limit { evict() }
  }

  /// Forgets the targets that were not used since `instant`, and what the others have more than they needed of late.
  mutating func forget(unusedSince instant: Instant) {
    for target in targets.values {
      if target.running == 0, target.lastUse < instant {
        remove(target)
        continue
      }
      let surplus = min(max(0, target.idle.count + target.running - target.peak), target.idle.count)
      target.idle.removeFirst(surplus)
      idleCount -= surplus
      target.peak = target.running
    }
  }

  mutating func removeAll() {
    for target in targets.values { remove(target) }
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

  private mutating func evict() {
    var candidate = oldest
    while idleCount > limit, let target = candidate {
      let surplus = min(idleCount - limit, target.idle.count)
      target.idle.removeFirst(surplus)
      idleCount -= surplus
      candidate = target.newer
    }
  }

  private mutating func remove(_ target: Target) {
    targets[target.name] = nil
    unlink(target)
    idleCount -= target.idle.count
    concurrency -= target.concurrency
    target.idle.removeAll()
  }

  // MARK: Order of use

  private mutating func moveToFront(_ target: Target) {
    if newest === target { return }
    unlink(target)
    target.older = newest
    newest?.newer = target
    newest = target
    if oldest == nil { oldest = target }
  }

  private mutating func unlink(_ target: Target) {
    if newest === target { newest = target.older }
    if oldest === target { oldest = target.newer }
    target.older?.newer = target.newer
    target.newer?.older = target.older
    target.older = nil
    target.newer = nil
  }
}
