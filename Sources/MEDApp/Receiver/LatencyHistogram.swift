/// Counts durations in buckets that are 6 % wide: any quantile of any number of them, in a kilobyte or four.
public struct LatencyHistogram: Sendable {
  private static let steps = 16
  private var buckets = [UInt32](repeating: 0, count: 40 * steps)
  public private(set) var count = 0
  public private(set) var maximumMicroseconds: Int64 = 0

  mutating func record(microseconds: Int64) {
    let value = max(0, microseconds)
    count += 1
    maximumMicroseconds = max(maximumMicroseconds, value)
    let bucket = min(Self.bucket(value), buckets.count - 1)
    if buckets[bucket] < .max { buckets[bucket] += 1 }
  }

  mutating func merge(_ other: LatencyHistogram) {
    count += other.count
    maximumMicroseconds = max(maximumMicroseconds, other.maximumMicroseconds)
    for (index, number) in other.buckets.enumerated() where number > 0 {
      buckets[index] = buckets[index].addingReportingOverflow(number).overflow ? .max : buckets[index] + number
    }
  }

  /// The duration that `fraction` of all don't exceed; nil if there are none.
  public func quantile(_ fraction: Double) -> Duration? {
    guard count > 0 else { return nil }
    var left = Int((Double(count) * min(max(fraction, 0), 1)).rounded(.up))
    for (index, number) in buckets.enumerated() {
      left -= Int(number)
      if left <= 0, number > 0 { return .microseconds(min(Self.upperBound(index), maximumMicroseconds)) }
    }
    return .microseconds(maximumMicroseconds)
  }

  /// Below 16 each value has its bucket, above that each power of two has 16.
  private static func bucket(_ value: Int64) -> Int {
    guard value >= Int64(steps) else { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount
    return (exponent - 3) * steps + Int(value >> Int64(exponent - 4)) - steps
  }

  private static func upperBound(_ bucket: Int) -> Int64 {
    guard bucket >= steps else { return Int64(bucket) }
    let exponent = bucket / steps + 3
    return Int64(bucket % steps + steps + 1) << Int64(exponent - 4) - 1
  }
}
