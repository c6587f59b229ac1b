/// What a subscriber asked for in the header `Retry-After`: whole seconds, or a date.
///
/// - Source: RFC 9110, 10.2.3.
enum RetryAfter {
  /// - Returns: seconds from `now`, rounded up, at most ``RetrySchedule/longestRequested``; 0 for what is over, and for
  ///   what can't be read.
  static func seconds(_ text: String, now: RecordTime) -> UInt32 {
    let text = text.trimmed
    if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
      return min(UInt32(text) ?? .max, RetrySchedule.longestRequested)
    }
    guard let date = HTTPDate.parse(text, now: now), date > now else { return 0 }
    let (microseconds, overflow) = date.microseconds.subtractingReportingOverflow(now.microseconds)
    guard !overflow else { return RetrySchedule.longestRequested }
    return min(UInt32(clamping: microseconds / 1_000_000 + 1), RetrySchedule.longestRequested)
  }
}
