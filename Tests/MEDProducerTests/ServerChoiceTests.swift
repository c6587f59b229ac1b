import Testing

@testable import MEDProducer

@Suite("Which queue server a producer asks")
struct ServerChoiceTests {
  private let start = ContinuousClock.now
  private func choice(_ count: Int) -> ServerChoice {
    ServerChoice(count: count, suspicionTime: .milliseconds(250), downTime: .seconds(5))
  }

  /// Asks once, and says how it ended.
  private func ask(
    _ choice: inout ServerChoice, _ verdict: ServerChoice.Verdict = .good, at now: ContinuousClock.Instant,
    for time: Duration = .zero, besides tried: Set<Int> = [], evenDown: Bool = false
  ) -> Int? {
    guard let index = choice.next(besides: tried, evenDown: evenDown, now: now) else { return nil }
    choice.ended(index, verdict, since: now, now: now + time)
    return index
  }

  @Test func `all have their turn`() {
    var choice = choice(3)
    #expect((0..<6).map { _ in ask(&choice, at: start) } == [0, 1, 2, 0, 1, 2])
  }

  @Test func `one that was tried isn't named again`() {
    var choice = choice(3)
    #expect(ask(&choice, at: start) == 0)
    #expect(ask(&choice, at: start, besides: [1]) == 2)
    #expect(ask(&choice, at: start, besides: [0, 1, 2]) == nil)
  }

  @Test func `one that refuses is asked last until the time is over`() {
    var choice = choice(2)
    #expect(ask(&choice, .refused, at: start) == 0)
    #expect((0..<3).map { _ in ask(&choice, at: start) } == [1, 1, 1])
    #expect(ask(&choice, at: start, besides: [1]) == 0)  // it answered: it has its turn again
    #expect(Set((0..<2).map { _ in ask(&choice, at: start) }) == [0, 1])
    _ = ask(&choice, .refused, at: start, besides: [1])
    let later = start + .seconds(6)
    #expect(Set((0..<2).map { _ in ask(&choice, at: later) }) == [0, 1])
  }

  @Test func `one that was silent for long is left alone, unless there is no other place`() {
    var choice = choice(1)
    #expect(ask(&choice, .silent, at: start, for: .seconds(3)) == 0)
    #expect(ask(&choice, at: start + .seconds(4)) == nil)
    #expect(ask(&choice, .silent, at: start + .seconds(4), for: .seconds(3), evenDown: true) == 0)
    #expect(ask(&choice, at: start + .seconds(8)) == nil)
    #expect(ask(&choice, at: start + .seconds(13)) == 0)
  }

  @Test func `a refusal doesn't end a silence`() {
    var choice = choice(1)
    #expect(ask(&choice, .silent, at: start, for: .seconds(3)) == 0)
    #expect(ask(&choice, .refused, at: start + .seconds(3), evenDown: true) == 0)
    #expect(ask(&choice, at: start + .seconds(4)) == nil)
  }

  @Test func `one whose connection broke at once is asked again`() {
    var choice = choice(1)
    #expect(ask(&choice, .silent, at: start, for: .milliseconds(3)) == 0)
    #expect(ask(&choice, at: start + .milliseconds(4)) == 0)
  }

  @Test func `while an answer is overdue others are preferred`() {
    var choice = choice(2)
    #expect(choice.next(besides: [], now: start) == 0)
    #expect(ask(&choice, at: start) == 1)
    #expect(ask(&choice, at: start + .milliseconds(200)) == 0)  // an answer: the wait begins anew
    let late = start + .milliseconds(600)
    #expect((0..<3).map { _ in ask(&choice, at: late) } == [1, 1, 1])
    #expect(ask(&choice, at: late, besides: [1]) == 0)
  }
}
