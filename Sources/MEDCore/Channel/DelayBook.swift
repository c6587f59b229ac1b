import HeapModule

/// When the delayed jobs of a retry lane become ready, as far as this process has put them: one timer serves all.
///
/// Times are rounded up, the more the further away they are, so that any number of jobs needs few entries: a day ahead a
/// retry may be noticed 1 % late.
struct DelayBook {
  typealias Instant = ContinuousClock.Instant

  struct Due: Hashable, Comparable {
    let instant: Instant
    let server: Int

    static func < (a: Due, b: Due) -> Bool { (a.instant, a.server) < (b.instant, b.server) }
  }

  static let finest = Duration.milliseconds(20)
  /// The queue server's clock and ours start at different moments of the same exchange.
  static let margin = Duration.milliseconds(2)

  private let origin: Instant
  private var heap = Heap<Due>()
  private var counts: [Due: Int] = [:]

  init(origin: Instant) { self.origin = origin }

  var isEmpty: Bool { heap.isEmpty }
  var next: Instant? { heap.min?.instant }
  /// The earliest on one server. Looks at all entries: not for the hot path.
  func next(on server: Int) -> Instant? { counts.keys.lazy.filter { $0.server == server }.map(\.instant).min() }
  /// Jobs that are not due yet.
  var jobs: Int { counts.values.reduce(0, +) }

  mutating func add(_ jobs: Int, server: Int, delay: Duration, now: Instant) {
    // Powers of two, so that times that come from different delays meet.
    var grain = Self.finest
    while grain * 2 <= delay / 100 { grain *= 2 }
    let steps = ((now + delay + Self.margin - origin) / grain).rounded(.up)
    let due = Due(instant: origin + grain * steps, server: server)
    if counts[due] == nil { heap.insert(due) }
    counts[due, default: 0] += jobs
  }

  mutating func popDue(at now: Instant) -> (server: Int, jobs: Int)? {
    guard let first = heap.min, first.instant <= now else { return nil }
    heap.removeMin()
    return (first.server, counts.removeValue(forKey: first) ?? 0)
  }
}
