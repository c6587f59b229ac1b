import Testing

@testable import MEDCore

@Suite("§15 Failures within an interval")
struct FailureWindowTests {
  @Test func `failures are counted until they are as old as the interval, and never longer`() {
    var window = FailureWindow(length: .seconds(60))
    #expect(window.count(at: .seconds(10)) == 1)
    #expect(window.count(at: .seconds(10.9)) == 2)
    #expect(window.count(at: .seconds(68.9)) == 3, "58 seconds later both count")
    #expect(window.count(at: .seconds(70)) == 2, "60 seconds later neither does")
    #expect(window.total == 2)
  }

  @Test func `a long pause leaves nothing, however long it is`() {
    var window = FailureWindow(length: .seconds(1))
    for _ in 0..<100 { _ = window.count(at: .milliseconds(500)) }
    #expect(!window.isOver(at: .milliseconds(1_400)))
    #expect(window.isOver(at: .milliseconds(1_600)))
    #expect(window.count(at: .seconds(86_400 * 365)) == 1)
  }

  @Test(arguments: [1, 180, 86_400])
  func `each slot is forgotten by itself`(seconds: Int) {
    var window = FailureWindow(length: .seconds(seconds))
    let slot = Duration.seconds(seconds) / 60
    // One in the middle of each slot, for three intervals: there are never more than sixty.
    for number in 0..<180 { #expect(window.count(at: slot * number + slot / 2) == min(number + 1, 60)) }
  }

  @Test func `time that stands still, or goes back, adds to the present slot`() {
    var window = FailureWindow(length: .seconds(60))
    _ = window.count(at: .seconds(30))
    #expect(window.count(at: .seconds(30)) == 2)
    #expect(window.count(at: .seconds(5)) == 3)
  }
}
