import HeapModule

/// Timers in order of their deadlines; those with the same one fire in the order in which they were set.
///
/// Cancelled timers stay in the heap until they come to its top, or until a sweep: when the heap has doubled since the last
/// one and holds at least 1,024. So it has at most that many entries, or twice as many as there were live ones at a time.
struct TimerQueue {
  private struct Entry: Comparable {
    let deadline: ContinuousClock.Instant
    let order: UInt64
    let timer: LoopTimer

    static func < (a: Entry, b: Entry) -> Bool { (a.deadline, a.order) < (b.deadline, b.order) }
    static func == (a: Entry, b: Entry) -> Bool { a.order == b.order }
  }

  private static let sweepThreshold = 1024

  private var heap = Heap<Entry>()
  private var order: UInt64 = 0
  private var sizeAfterSweep = 0

  /// How many there are, cancelled ones included.
  var count: Int { heap.count }

  mutating func add(_ timer: LoopTimer, at deadline: ContinuousClock.Instant) {
    if heap.count >= max(Self.sweepThreshold, 2 * sizeAfterSweep) { sweep() }
    order &+= 1
    heap.insert(Entry(deadline: deadline, order: order, timer: timer))
  }

  var nextDeadline: ContinuousClock.Instant? {
    mutating get {
      while let first = heap.min, first.timer.isCancelled { heap.removeMin() }
      return heap.min?.deadline
    }
  }

  /// Moves the timers with a deadline of at most `now` to the end of `due`, in order.
  mutating func takeDue(at now: ContinuousClock.Instant, into due: inout [LoopTimer]) {
    while let deadline = nextDeadline, deadline <= now { due.append(heap.removeMin().timer) }
    sizeAfterSweep = min(sizeAfterSweep, heap.count)
  }

  mutating func removeAll() -> [LoopTimer] {
    let timers = heap.unordered.filter { !$0.timer.isCancelled }.sorted().map(\.timer)
    heap = Heap()
    sizeAfterSweep = 0
    return timers
  }

  private mutating func sweep() {
    heap = Heap(heap.unordered.filter { !$0.timer.isCancelled })
    sizeAfterSweep = heap.count
  }
}
