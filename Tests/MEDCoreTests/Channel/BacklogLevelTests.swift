import Testing

@testable import MEDCore

@Suite("§4 The level that a drop policy goes by")
struct BacklogLevelTests {
  private static let now = ContinuousClock.now

  private static func level(_ ready: Int...) -> BacklogLevel {
    BacklogLevel(ready.map { BacklogSample(ready: $0, takenAt: now) })
  }

  @Test func `it is the sample, plus copies put since, less jobs taken since, over all servers`() {
    var level = Self.level(10, 5)
    #expect(level.estimate == 15)
    for _ in 0..<4 { level.copyBegins(1) }
    #expect(level.estimate == 19)
    level.copyStored(at: 0)
    level.copyStored(at: 1)
    level.copyAbandoned()
    #expect(level.estimate == 18)
    level.took(7, at: 1)
    #expect(level.estimate == 12, "a server has no less than nothing: \(level)")
    level.sampled(ready: 100, at: 0, since: level.mark(at: 0), now: Self.now)
    #expect(level.estimate == 100)
  }

  @Test func `jobs taken while a sample is asked for are not counted`() {
    var level = Self.level(10)
    let mark = level.mark(at: 0)
    level.took(4, at: 0)
    level.sampled(ready: 10, at: 0, since: mark, now: Self.now)
    #expect(level.estimate == 6)
  }

  @Test func `copies under way when a sample comes are never counted twice`() {
    var level = Self.level(0)
    for _ in 0..<3 { level.copyBegins(1) }
    // The server has stored them, and its answers to the puts are read after the sample.
    level.sampled(ready: 3, at: 0, since: level.mark(at: 0), now: Self.now)
    #expect(level.estimate == 3)
    for _ in 0..<3 { level.copyStored(at: 0) }
    #expect(level.estimate == 3)
    level.copyBegins(1)
    level.copyStored(at: 0)
    #expect(level.estimate == 4)
  }

  @Test func `copies under way when a server that doesn't have them is sampled still count`() {
    var level = Self.level(0, 0)
    for _ in 0..<11 { level.copyBegins(1) }
    for server in 0...1 { level.sampled(ready: 0, at: server, since: level.mark(at: server), now: Self.now) }
    #expect(level.estimate == 11)
    for _ in 0..<11 { level.copyStored(at: 0) }
    #expect(level.estimate == 11)
  }

  @Test func `an empty and quiet channel need not be looked at again`() {
    var level = Self.level(0, 0)
    #expect(!level.isOfInterest)
    level.copyBegins(1)
    level.copyStored(at: 1)
    #expect(level.isOfInterest)
    level.took(1, at: 1)
    #expect(level.isOfInterest, "something was put since the latest sample")
    for server in 0...1 { level.sampled(ready: 0, at: server, since: level.mark(at: server), now: Self.now) }
    #expect(!level.isOfInterest)
  }

  @Test func `the end of a copy that nobody began changes nothing`() {
    var level = Self.level(5)
    level.copyAbandoned()
    #expect(level.estimate == 5)
  }
}
