/// The three forms that a date may have in a header:
/// ```
/// Sun, 06 Nov 1994 08:49:37 GMT     the one that is sent today
/// Sunday, 06-Nov-94 08:49:37 GMT    obsolete, RFC 850
/// Sun Nov  6 08:49:37 1994          obsolete, asctime
/// ```
/// The day of the week must be one, and isn't compared with the date.
/// - Source: RFC 9110, 5.6.7.
enum HTTPDate {
  /// - Parameter now: tells the century of a year with two digits, which lies at most 50 years ahead.
  static func parse(_ text: String, now: RecordTime) -> RecordTime? {
    guard text.utf8.count <= longest else { return nil }
    var words = text.split(separator: " ", omittingEmptySubsequences: false)
    if words.count == 6, words[2].isEmpty { words.remove(at: 2) }  // asctime pads the day with a space
    switch words.count {
    case 6 where isDay(words[0], ofLength: 3, andComma: true) && words[5] == "GMT":
      return date(year: words[3], month: words[2], day: words[1], time: words[4])
    case 4 where isDay(words[0], ofLength: nil, andComma: true) && words[3] == "GMT":
      let parts = words[1].split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 3, let year = fullYear(parts[2], now: now) else { return nil }
      return date(year: year, month: parts[1], day: parts[0], time: words[2])
    case 5 where isDay(words[0], ofLength: 3, andComma: false):
      let day = words[2].utf8.count == 1 ? "0" + words[2] : String(words[2])
      return date(year: words[4], month: words[1], day: day, time: words[3])
    default:
      return nil
    }
  }

  /// In the form that is sent today; years as ``RecordTime`` prints them.
  static func text(_ time: RecordTime) -> String {
    let parts = time.description.split { "-T:.Z".contains($0) }
    // 1970 began with a Thursday.
    let weekday = ((time.day % 7) + 11) % 7
    return """
      \(days[Int(weekday)].prefix(3)), \(parts[2]) \(months[(Int(parts[1]) ?? 1) - 1]) \(parts[0]) \
      \(parts[3]):\(parts[4]):\(parts[5]) GMT
      """
  }

  /// `Wednesday, 30-Sep-26 08:49:37 GMT`
  private static let longest = 33

  private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private static func isDay(_ word: Substring, ofLength length: Int?, andComma hasComma: Bool) -> Bool {
    guard word.hasSuffix(",") == hasComma else { return false }
    let name = hasComma ? word.dropLast() : word
    return days.contains { $0.prefix(length ?? $0.count) == name }
  }

  /// The year with the two digits `text` that is at most 50 years ahead, and otherwise the latest one.
  private static func fullYear(_ text: Substring, now: RecordTime) -> String? {
    guard text.utf8.count == 2, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let year = Int64(text)
    else { return nil }
    let latest = CivilDate(daysSince1970: now.day).year + 50
    let full = latest - (latest - year) % 100
    return (0...9999).contains(full) ? String(full) : nil
  }

  private static func date(
    year: some StringProtocol, month: Substring, day: some StringProtocol, time: Substring
  ) -> RecordTime? {
    guard let month = months.firstIndex(of: String(month)), year.utf8.count == 4, day.utf8.count == 2,
      time.utf8.count == 8
    else { return nil }
    return RecordTime("\(year)-\(month < 9 ? "0" : "")\(month + 1)-\(day)T\(time)Z")
  }
}
