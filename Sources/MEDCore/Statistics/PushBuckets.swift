import DequeModule

/// Pushes by spans of equal length, of which only those with pushes take memory: 12 bytes each.
///
/// Pure: the numbers of spans come from outside and never go back.
struct PushBuckets {
  private struct Bucket {
    let span: UInt32
    var sum: PushSum
  }

  private var buckets: Deque<Bucket> = []

  var isEmpty: Bool { buckets.isEmpty }

  /// Adds to a span, which is the latest from now on, and forgets those that aren't among the latest `bound`.
  mutating func add(_ sum: PushSum, in span: Int, keeping bound: Int) {
    forget(before: span - bound + 1)
    if let last = buckets.indices.last, buckets[last].span == UInt32(clamping: span) {
      buckets[last].sum += sum
    } else {
      buckets.append(Bucket(span: UInt32(clamping: span), sum: sum))
    }
  }

  /// With the last one its memory is given back too.
  mutating func forget(before span: Int) {
    while let first = buckets.first, Int(first.span) < span { buckets.removeFirst() }
    if buckets.isEmpty { buckets = [] }
  }

  /// Over these spans.
  func sum(_ spans: ClosedRange<Int>) -> PushSum {
    var sum = PushSum()
    for bucket in buckets.reversed() {
      guard Int(bucket.span) >= spans.lowerBound else { break }
      if Int(bucket.span) <= spans.upperBound { sum += bucket.sum }
    }
    return sum
  }
}

/// Pushes, and the failed ones among them. Counts up to four billions, and no further.
struct PushSum: Equatable {
  var pushes: UInt32 = 0
  var failures: UInt32 = 0

  static func += (a: inout PushSum, b: PushSum) {
    let (pushes, isTooMany) = a.pushes.addingReportingOverflow(b.pushes)
    a.pushes = isTooMany ? .max : pushes
    let (failures, areTooMany) = a.failures.addingReportingOverflow(b.failures)
    a.failures = areTooMany ? .max : failures
  }
}
