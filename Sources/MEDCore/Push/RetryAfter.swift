/// What a subscriber asked for in the header `Retry-After`: whole seconds, or a date.
///
/// - Source: RFC 9110, 10.2.3 and 5.6.7. Of the dates the one form that may still be sent is read:
///   `Sun, 06 Nov 1994 08:49:37 GMT`.
enum RetryAfter {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// - Returns: seconds from `now`, rounded up, at most ``RetrySchedule/longestRequested``; 0 for what is over, and for
  ///   what can't be read.
  static func seconds(_ text: String, now: RecordTime) -> UInt32 {
    let text = text.trimmed
    if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
      return min(UInt32(text) ?? .max, RetrySchedule.longestRequested)
    }
    guard let date = date(text), date > now else { return 0 }
    let (microseconds, overflow) = date.microseconds.subtractingReportingOverflow(now.microseconds)
    guard !overflow else { return RetrySchedule.longestRequested }
    return min(UInt32(clamping: microseconds / 1_000_000 + 1), RetrySchedule.longestRequested)
  }

  private static func date(_ text: String) -> RecordTime? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT", parts[1].utf8.count == 2,
      let month = months.firstIndex(of: String(parts[2])), parts[3].utf8.count == 4, parts[4].utf8.count == 8
    else { return nil }
    let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
    return RecordTime("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
  }
}
