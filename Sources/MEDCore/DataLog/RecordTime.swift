import Glibc

/// When a record was written: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// As text: `2026-11-23T04:27:01.123456Z`, 27 bytes, years 0000 to 9999; times beyond print as the nearest of these.
public struct RecordTime: Hashable, Comparable, Sendable {
  /// Since 1970, UTC.
  public var microseconds: Int64

  /// A time so many microseconds after the beginning of 1970, UTC.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// The system's clock.
  public static func now() -> RecordTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return RecordTime(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec / 1000))
  }

  public static func < (left: RecordTime, right: RecordTime) -> Bool { left.microseconds < right.microseconds }

  /// Days since 1970-01-01, UTC; within the years that can be printed.
  var day: Int64 { clamped.flooringDivision(by: Self.dayLength).quotient }

  /// `yyyy-mm-dd`, UTC.
  var dayText: String { String(decoding: text.prefix(10), as: UTF8.self) }

  /// As a header of HTTP has it: `Sun, 06 Nov 1994 08:49:37 GMT`.
  package var httpDate: String { HTTPDate.text(self) }

  /// RFC 3339, UTC, six decimals.
  public var description: String { String(decoding: text, as: UTF8.self) }

  private var text: [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  static let textLength = 27
  private static let dayLength: Int64 = 86_400_000_000
  private static let first: Int64 = -62_167_219_200_000_000
  private static let last: Int64 = 253_402_300_799_999_999

  private var clamped: Int64 { min(max(microseconds, Self.first), Self.last) }

  func append(to buffer: inout [UInt8]) {
    let (day, rest) = clamped.flooringDivision(by: Self.dayLength)
    let date = CivilDate(daysSince1970: day)
    let seconds = rest / 1_000_000
    let fraction = rest % 1_000_000
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.textLength) { out in
      func digits(_ value: Int64, _ count: Int, at start: Int) {
        var value = value
        for index in stride(from: start + count - 1, through: start, by: -1) {
          out[index] = UInt8(truncatingIfNeeded: 48 + value % 10)
          value /= 10
        }
      }
      digits(date.year, 4, at: 0)
      out[4] = UInt8(ascii: "-")
      digits(date.month, 2, at: 5)
      out[7] = UInt8(ascii: "-")
      digits(date.day, 2, at: 8)
      out[10] = UInt8(ascii: "T")
      digits(seconds / 3600, 2, at: 11)
      out[13] = UInt8(ascii: ":")
      digits(seconds / 60 % 60, 2, at: 14)
      out[16] = UInt8(ascii: ":")
      digits(seconds % 60, 2, at: 17)
      out[19] = UInt8(ascii: ".")
      digits(fraction, 6, at: 20)
      out[26] = UInt8(ascii: "Z")
      buffer.append(contentsOf: UnsafeBufferPointer(out))
    }
  }
}

extension RecordTime: CustomStringConvertible {
  /// RFC 3339: `2026-11-23T04:27:01Z`, with 0 to 9 decimals (cut to six) and `Z` or `±hh:mm`. Nil for anything else.
  /// The second 60 counts as the next minute's first.
  public init?(_ text: some StringProtocol) {
    self.init(utf8: Array(text.utf8)[...])
  }

  init?(utf8 text: ArraySlice<UInt8>) {
    var input = text
    guard let year = input.takeDigits(4), input.take("-"), let month = input.takeDigits(2), input.take("-"),
      let day = input.takeDigits(2), let separator = input.popFirst(), separator | 0x20 == UInt8(ascii: "t"),
      let hour = input.takeDigits(2), input.take(":"), let minute = input.takeDigits(2), input.take(":"),
      let second = input.takeDigits(2), hour < 24, minute < 60, second <= 60
    else { return nil }
    let date = CivilDate(year: year, month: month, day: day)
    guard date.exists else { return nil }
    var fraction: Int64 = 0
    if input.take(".") {
      var decimals = 0
      while let digit = input.takeDigits(1) {
        if decimals < 6 { fraction = fraction * 10 + digit }
        decimals += 1
      }
      guard 1...9 ~= decimals else { return nil }
      for _ in 0..<max(0, 6 - decimals) { fraction *= 10 }
    }
    guard let zone = input.takeZone(), input.isEmpty else { return nil }
    let seconds = date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second - zone
    self.init(microseconds: seconds * 1_000_000 + fraction)
  }
}

/// A day of the proleptic Gregorian calendar.
/// - Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (civil_from_days, days_from_civil).
struct CivilDate: Equatable {
  var year: Int64
  var month: Int64
  var day: Int64

  init(year: Int64, month: Int64, day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  init(daysSince1970 days: Int64) {
    let (era, dayOfEra) = (days + 719_468).flooringDivision(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  var daysSince1970: Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = shiftedYear.flooringDivision(by: 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// Whether the calendar has that day: the way there and back ends where it began.
  var exists: Bool { 1...12 ~= month && 1...31 ~= day && CivilDate(daysSince1970: daysSince1970) == self }
}

extension Int64 {
  fileprivate func flooringDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}

extension ArraySlice<UInt8> {
  fileprivate mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard first == UInt8(ascii: character) else { return false }
    removeFirst()
    return true
  }

  fileprivate mutating func takeDigits(_ count: Int) -> Int64? {
    guard self.count >= count else { return nil }
    var value: Int64 = 0
    for byte in prefix(count) {
      guard 48...57 ~= byte else { return nil }
      value = value * 10 + Int64(byte - 48)
    }
    removeFirst(count)
    return value
  }

  /// Seconds east of UTC.
  fileprivate mutating func takeZone() -> Int64? {
    guard let sign = popFirst() else { return nil }
    if sign | 0x20 == UInt8(ascii: "z") { return 0 }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let hours = takeDigits(2), take(":"),
      let minutes = takeDigits(2), hours < 24, minutes < 60
    else { return nil }
    return (hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
  }
}
