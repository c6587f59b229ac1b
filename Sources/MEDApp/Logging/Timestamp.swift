import Glibc

/// A moment in UTC, to the microsecond.
struct Timestamp: Sendable, Equatable {
  let microseconds: Int64

  static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }

  /// Days since 1970-01-01.
  var day: Int64 { Int64((Double(microseconds) / 86_400_000_000).rounded(.down)) }

  /// `2026-01-31`
  var date: String {
    var bytes: [UInt8] = []
    appendDate(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends `2026-01-31T23:59:59.000000Z` (RFC 3339).
  func append(to bytes: inout [UInt8]) {
    appendDate(to: &bytes)
    let inDay = microseconds - day * 86_400_000_000
    let seconds = inDay / 1_000_000
    bytes.append(UInt8(ascii: "T"))
    Self.append(seconds / 3600, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    Self.append(seconds / 60 % 60, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    Self.append(seconds % 60, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: "."))
    Self.append(inDay % 1_000_000, digits: 6, to: &bytes)
    bytes.append(UInt8(ascii: "Z"))
  }

  /// The civil date of a count of days, by Howard Hinnant's method (years begin in March, eras have 400 years).
  private func appendDate(to bytes: inout [UInt8]) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    Self.append(year, digits: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    Self.append(month, digits: 2, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    Self.append(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, digits: 2, to: &bytes)
  }

  private static func append(_ number: Int64, digits: Int, to bytes: inout [UInt8]) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }
}
