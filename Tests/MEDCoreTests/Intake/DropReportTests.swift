import Testing

@testable import MEDCore

@Suite("§4 What the log tells of drops")
struct DropReportTests {
  @Test func `drops are told of once a minute, with their number`() {
    var report = DropReport()
    let start = ContinuousClock.now
    #expect(report.dropped(1, now: start) == 1)
    for second in 1..<60 { #expect(report.dropped(1, now: start + .seconds(second)) == nil) }
    #expect(report.dropped(2, now: start + .seconds(30)) == 1, "each subscription by itself")
    #expect(report.dropped(1, now: start + .seconds(60)) == 60)
    #expect(report.dropped(1, now: start + .seconds(61)) == nil)
    report.forget([1])
    #expect(report.dropped(1, now: start + .seconds(62)) == 1)
  }
}
