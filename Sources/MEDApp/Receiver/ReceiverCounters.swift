/// What a test subscriber has seen on one path.
public struct ReceiverCounters: Sendable {
  public internal(set) var requests = 0
  /// Distinct messages that were answered with success.
  public internal(set) var delivered = 0
  /// Requests with retry_times above 0.
  public internal(set) var retried = 0
  /// Messages that came again after they had been answered with success.
  public internal(set) var duplicates = 0
  /// Answers that said failure, on purpose.
  public internal(set) var failed = 0
  /// From publishing (the Time in jobid) to the first arrival with success.
  public internal(set) var latency = LatencyHistogram()

  /// Duplicates are told by a 64-bit hash of the job id, as long as no more than this many are known.
  static let maximumKnown = 4_000_000
  private var known: Set<UInt64> = []

  mutating func record(_ seen: SeenRequest, succeeds: Bool) {
    requests += 1
    if seen.retryTimes > 0 { retried += 1 }
    guard succeeds else {
      failed += 1
      return
    }
    guard let jobHash = seen.jobHash else {
      delivered += 1
      return
    }
    if known.contains(jobHash) {
      duplicates += 1
      return
    }
    if known.count < Self.maximumKnown { known.insert(jobHash) }
    delivered += 1
    if let published = seen.publishedMicroseconds {
      latency.record(microseconds: seen.arrivedMicroseconds.subtractingReportingOverflow(published).partialValue)
    }
  }
}

/// What a request tells about its message, read from `jobid` and `retry_times` of its query.
struct SeenRequest: Equatable {
  var jobHash: UInt64?
  var retryTimes = 0
  /// The Time of the message, Unix microseconds.
  var publishedMicroseconds: Int64?
  var arrivedMicroseconds: Int64

  init(_ request: ReceivedRequest, in bytes: UnsafeRawBufferPointer, arrivedMicroseconds: Int64) {
    self.arrivedMicroseconds = arrivedMicroseconds
    let query = min(request.path.upperBound + 1, request.target.upperBound)..<request.target.upperBound
    if let job = FormFields.range(of: "jobid", in: bytes, query) {
      // FNV-1a
      jobHash = job.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64(bytes[$1])) &* 0x100_0000_01b3 }
      publishedMicroseconds = Self.time(bytes, job)
    }
    if let times = FormFields.range(of: "retry_times", in: bytes, query) {
      retryTimes = times.count <= 9 ? times.reduce(0) { $0 * 10 + Int(bytes[$1] &- 0x30) % 10 } : 0
    }
  }

  /// `1700000000.123456-…` → microseconds.
  private static func time(_ bytes: UnsafeRawBufferPointer, _ job: Range<Int>) -> Int64? {
    var value: Int64 = 0
    var decimals = -1
    for index in job.prefix(24) {
      switch bytes[index] {
      case 0x30...0x39:
        let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
        guard !overflow, decimals < 6 else { return nil }
        let (sum, overflow2) = shifted.addingReportingOverflow(Int64(bytes[index] - 0x30))
        guard !overflow2 else { return nil }
        value = sum
        if decimals >= 0 { decimals += 1 }
      case UInt8(ascii: "."):
        guard decimals < 0 else { return nil }
        decimals = 0
      default: return decimals == 6 ? value : nil
      }
    }
    return nil
  }
}
