import Testing

@testable import MEDCore

@Suite("§6 When a message is pushed again")
struct RetryTests {
  @Test func `the delay is the square of the retry's number times the coefficient, in seconds`() {
    let schedule = RetrySchedule(coefficient: 10, maximumRetries: 10)
    #expect((0..<4).map { schedule.delay(after: $0) } == [10, 40, 90, 160])
    #expect(schedule.delay(after: 9) == 1000)
  }

  @Test(arguments: [65_535, 1 << 32, UInt64.max - 1, .max])
  func `a delay that no queue server can hold is the longest one that it can`(retries: UInt64) {
    #expect(RetrySchedule(coefficient: .max, maximumRetries: .max).delay(after: retries) == .max)
  }

  @Test func `a coefficient of 0 means at once, however often`() {
    let schedule = RetrySchedule(coefficient: 0, maximumRetries: 3)
    #expect(schedule.delay(after: 0) == 0)
    #expect(schedule.delay(after: 1 << 31) == 0)
  }

  @Test func `a requested delay lengthens, to a day at most, and never shortens`() {
    let schedule = RetrySchedule(coefficient: 10, maximumRetries: 10)
    #expect(schedule.delay(after: 0, requested: 5) == 10)
    #expect(schedule.delay(after: 0, requested: 500) == 500)
    #expect(schedule.delay(after: 0, requested: .max) == 86_400)
    #expect(RetrySchedule(coefficient: 1_000_000).delay(after: 0, requested: .max) == 1_000_000)
  }

  @Test func `a message is given up after so many retries, with 0 after the first push`() {
    #expect(!RetrySchedule(maximumRetries: 10).givesUp(after: 9))
    #expect(RetrySchedule(maximumRetries: 10).givesUp(after: 10))
    #expect(RetrySchedule(maximumRetries: 0).givesUp(after: 0))
    #expect(RetrySchedule(maximumRetries: 10).givesUp(after: .max))
  }

  // 1994-11-06T08:49:00Z
  private static let now = RecordTime(microseconds: 784_111_740_000_000)

  @Test(arguments: [
    ("0", 0), ("120", 120), (" 7 ", 7), ("86401", 86_400), ("4294967296", 86_400),
    ("99999999999999999999999", 86_400), ("Sun, 06 Nov 1994 08:49:37 GMT", 38), ("Sun, 06 Nov 1994 08:48:37 GMT", 0),
    ("Tue, 01 Jan 2999 00:00:00 GMT", 86_400), ("Sun, 06 Nov 1994 08:49:37 CET", 0),
    ("Sun, 66 Nov 1994 08:49:37 GMT", 0),
    ("Sunday, 06-Nov-94 08:49:37 GMT", 38), ("Monday, 01-Jan-44 00:00:00 GMT", 86_400),
    ("Monday, 01-Jan-45 00:00:00 GMT", 0), ("Sunday, 06-Nov-1994 08:49:37 GMT", 0),
    ("Sunday, 06-Nov-+4 08:49:37 GMT", 0), ("Someday, 06-Nov-94 08:49:37 GMT", 0),
    ("Sunday 06-Nov-94 08:49:37 GMT", 0), ("Sunday, 06-Nov-94 08:49:37", 0),
    ("Sun Nov  6 08:49:37 1994", 38), ("Wed Nov 16 08:49:37 1994", 86_400), ("Sun Nov 6 08:49:37 1994", 38),
    ("Sun Nov   6 08:49:37 1994", 0), ("Sun, Nov  6 08:49:37 1994", 0), ("Sun Nov  6 08:49:61 1994", 0),
    ("", 0), ("-1", 0), ("1.5", 0), ("soon", 0), ("Sun, 06 Nob 1994 08:49:37 GMT", 0), ("     ", 0), ("٣", 0),
  ])
  func `Retry-After is read as seconds or as a date of three forms, and as nothing if it is neither`(
    text: String, seconds: UInt32
  ) {
    #expect(RetryAfter.seconds(text, now: Self.now) == seconds)
  }

  @Test func `any text of a header gives 0 seconds to a day`() {
    let seeds = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "120"]
    let pieces = ["", " ", ",", ":", "-", "+", "9", "99", "Nov", "GMT", "\u{0}", "é", "Sunday,"]
    var random = SplitMix(state: 1)
    for _ in 0..<20_000 {
      var text = Array(seeds.randomElement(using: &random) ?? "")
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let start = Int.random(in: 0...text.count, using: &random)
        let end = Int.random(in: start...min(start + 3, text.count), using: &random)
        text.replaceSubrange(start..<end, with: pieces.randomElement(using: &random) ?? "")
      }
      #expect(RetryAfter.seconds(String(text), now: Self.now) <= 86_400)
    }
  }

  @Test(arguments: [
    (784_111_777_999_999, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400_000_000, "Tue, 29 Feb 2000 00:00:00 GMT"),
    (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (Int64.min, "Sat, 01 Jan 0000 00:00:00 GMT"),
  ])
  func `a date of a header is written in the form that is sent today`(microseconds: Int64, text: String) {
    let time = RecordTime(microseconds: microseconds)
    #expect(time.httpDate == text)
  }

  @Test func `what is written as a date is read as the same second`() {
    var random = SplitMix(state: 2)
    for _ in 0..<5_000 {
      let second = Int64.random(in: 0...4_000_000_000, using: &random)
      let time = RecordTime(microseconds: second * 1_000_000)
      #expect(HTTPDate.parse(time.httpDate, now: Self.now) == time)
    }
  }
}
