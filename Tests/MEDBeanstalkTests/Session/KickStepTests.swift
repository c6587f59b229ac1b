import MEDCore
import Testing

@testable import MEDBeanstalk

@Suite("§13 How many buried jobs are kicked at once")
struct KickStepTests {
  private func tube(buried: Int, delayed: Int = 0, watching: Int = 0) -> TubeStatistics {
    var tube = TubeStatistics()
    (tube.buried, tube.delayed, tube.watching) = (buried, delayed, watching)
    return tube
  }

  @Test func `where nothing can be woken a batch is what is wanted, seen and bearable`() {
    #expect(KickStep(tube(buried: 5), wanted: 9, batch: 100) == .batch(5))
    #expect(KickStep(tube(buried: 5), wanted: 3, batch: 100) == .batch(3))
    #expect(KickStep(tube(buried: 500), wanted: 500, batch: 100) == .batch(100))
  }

  @Test func `nothing wanted or nothing buried is nothing to do`() {
    for watching in 0...1 {
      #expect(KickStep(tube(buried: 0, delayed: 3, watching: watching), wanted: 5, batch: 100) == .done)
      #expect(KickStep(tube(buried: 5, delayed: 3, watching: watching), wanted: 0, batch: 100) == .done)
    }
  }

  @Test
  func `where delayed jobs could be woken a batch is a sixteenth beyond a reserve, and the last ones go by number`() {
    for buried in 1...3000 {
      for other in [tube(buried: buried, delayed: 1), tube(buried: buried, watching: 1)] {
        switch KickStep(other, wanted: buried, batch: 10_000) {
        case .done: Issue.record("\(buried)")
        case .byNumber(let count): #expect(buried < 384 && count == min(buried, 64))
        case .batch(let count): #expect(buried >= 384 && count >= 8 && count * 16 + KickStep.reserve <= buried)
        }
      }
    }
  }

  @Test func `what was seen too long ago is no reason for a batch where delayed jobs could be woken`() {
    #expect(KickStep(tube(buried: 9000, delayed: 1), wanted: 9000, batch: 100, isFresh: false) == .byNumber(64))
    #expect(KickStep(tube(buried: 9000), wanted: 9000, batch: 100, isFresh: false) == .batch(100))
  }

  @Test func `three in step that see what the others haven't done yet never find a tube empty`() {
    // Each kicks on the look before last of the others: the worst order that a server which serves them in turn can have.
    for start in stride(from: 384, through: 100_000, by: 97) {
      var buried = start
      var looks = [start, start, start]
      while true {
        let steps = looks.map { KickStep(tube(buried: $0, delayed: 1), wanted: $0, batch: 10_000) }
        let batches = steps.map { if case .batch(let count) = $0 { count } else { 0 } }
        guard batches.contains(where: { $0 > 0 }) else { break }
        looks = looks.map { _ in buried }
        for count in batches {
          #expect(buried > count + KickStep.reserve / 2)
          buried -= count
        }
      }
    }
  }

  @Test func `a batch grows while the server is quick, and shrinks when it takes long`() {
    var pace = KickPace()
    for _ in 0..<20 { pace.kicked(pace.batch, within: .microseconds(10)) }
    #expect(pace.batch == 10_000)
    pace.kicked(10_000, within: .milliseconds(4))
    #expect(pace.batch == 10_000)
    pace.kicked(10_000, within: .milliseconds(6))
    #expect(pace.batch == 5_000)
    for _ in 0..<20 { pace.kicked(pace.batch, within: .seconds(1)) }
    #expect(pace.batch == 10)
  }

  @Test func `the end of a tube says nothing about larger batches`() {
    var pace = KickPace()
    pace.kicked(99, within: .zero)
    #expect(pace.batch == 100)
    pace.kicked(60, within: .seconds(1))
    #expect(pace.batch == 30)
  }
}
