import HeapModule

/// One call at one time. Confined to its loop.
public final class LoopTimer {
  public let deadline: ContinuousClock.Instant
  private var action: (() -> Void)?

  init(deadline: ContinuousClock.Instant, action: @escaping () -> Void) {
    self.deadline = deadline
    self.action = action
  }

  /// After this the action is not called any more, and what it held is released.
  public func cancel() { action = nil }

  /// Fired or cancelled.
  public var isOver: Bool { action == nil }

  func fire() {
    let action = self.action
    self.action = nil
    action?()
  }
}

/// Timers in order of their deadlines; those with the same one fire in the order in which they were set.
///
/// Cancelled timers stay in the heap until their turn comes, or until they are more than half of it.
struct TimerQueue {
  private struct Entry: Comparable {
    let timer: LoopTimer
    let order: UInt64

    static func < (a: Entry, b: Entry) -> Bool { (a.timer.deadline, a.order) < (b.timer.deadline, b.order) }
    static func == (a: Entry, b: Entry) -> Bool { a.order == b.order }
  }

  private static let sweepThreshold = 1024

  private var heap = Heap<Entry>()
  private var order: UInt64 = 0
  private var sizeAfterSweep = 0

  mutating func add(at deadline: ContinuousClock.Instant, _ action: @escaping () -> Void) -> LoopTimer {
    if heap.count >= max(Self.sweepThreshold, 2 * sizeAfterSweep) { sweep() }
    let timer = LoopTimer(deadline: deadline, action: action)
    order &+= 1
    heap.insert(Entry(timer: timer, order: order))
    return timer
  }

  var nextDeadline: ContinuousClock.Instant? {
    mutating get {
      while let first = heap.min, first.timer.isOver { heap.removeMin() }
      return heap.min?.timer.deadline
    }
  }

  mutating func popDue(at now: ContinuousClock.Instant) -> LoopTimer? {
    guard let deadline = nextDeadline, deadline <= now else { return nil }
    return heap.removeMin().timer
  }

  private mutating func sweep() {
    heap = Heap(heap.unordered.filter { !$0.timer.isOver })
    sizeAfterSweep = heap.count
  }
}
