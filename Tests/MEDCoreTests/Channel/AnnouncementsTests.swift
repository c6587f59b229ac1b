import Testing

@testable import MEDCore

@Suite("What a lane knows of the ready jobs of a tube")
struct AnnouncementsTests {
  @Test func `a tube that ran dry has only what was announced after it was asked`() {
    var known = Announcements()
    known.announce(5)
    let mark = known.mark
    known.announce(2)
    known.took(3, asked: 6, ranDry: true, since: mark)
    #expect(known.count == 2)
    known.took(0, asked: 3, ranDry: true, since: known.mark)
    #expect(known.count == 0)
  }

  @Test func `fewer jobs than asked for mean a dry tube, whatever else is said`() {
    var known = Announcements()
    known.announce(5)
    known.took(2, asked: 6, ranDry: false, since: known.mark)
    #expect(known.count == 0)
  }

  @Test func `after a full batch as many again may be there`() {
    var known = Announcements()
    known.announce(1)
    known.took(2, asked: 2, ranDry: false, since: known.mark)
    #expect(known.count == 2)
    known.announce(100)
    known.took(2, asked: 2, ranDry: false, since: known.mark)
    #expect(known.count == 100)
  }

  @Test func `numbers that no queue can have are taken for very many, or for none`() {
    var known = Announcements()
    let mark = known.mark
    for jobs in [Int.min, -1] { known.announce(jobs) }
    #expect(known.count == 0)
    for _ in 0..<3 { known.announce(.max) }
    #expect(known.count == Announcements.bound)
    known.took(0, asked: 1, ranDry: true, since: mark)
    #expect(known.count == Announcements.bound)
  }
}

@Suite("§6 When delayed jobs become ready")
struct DelayBookTests {
  private static let origin = ContinuousClock.now

  @Test(arguments: [1, 10, 40, 1000, 86_400, Int(UInt32.max)])
  func `a job is never due early, and at most a hundredth late`(seconds: Int) throws {
    for offset in [0, 7, 1_234, 99_999_999] {
      var book = DelayBook(origin: Self.origin)
      let now = Self.origin + .milliseconds(offset)
      book.add(1, server: 0, delay: .seconds(seconds), now: now)
      let due = try #require(book.next)
      #expect(due >= now + .seconds(seconds))
      #expect(due <= now + .seconds(seconds) + .seconds(seconds) / 100 + .milliseconds(23))
    }
  }

  @Test func `jobs come out in the order of their times, with their servers`() {
    var book = DelayBook(origin: Self.origin)
    book.add(1, server: 0, delay: .seconds(30), now: Self.origin)
    book.add(2, server: 1, delay: .seconds(10), now: Self.origin)
    book.add(3, server: 0, delay: .seconds(20), now: Self.origin)
    #expect(book.popDue(at: Self.origin + .seconds(9)) == nil)
    #expect(book.next(on: 0) ?? Self.origin > book.next ?? Self.origin)
    #expect(book.next(on: 2) == nil)
    var order: [[Int]] = []
    while let due = book.popDue(at: Self.origin + .seconds(60)) { order.append([due.server, due.jobs]) }
    #expect(order == [[1, 2], [0, 3], [0, 1]])
    #expect(book.isEmpty && book.jobs == 0)
  }

  @Test func `any number of jobs, whatever their delays, needs few entries`() {
    var book = DelayBook(origin: Self.origin)
    for job in 0..<100_000 {
      book.add(1, server: 0, delay: .seconds(1 + job % 86_400), now: Self.origin + .milliseconds(job / 10))
    }
    #expect(book.jobs == 100_000)
    var entries = 0
    while book.popDue(at: Self.origin + .seconds(100_000)) != nil { entries += 1 }
    #expect(entries < 3000)
  }
}
