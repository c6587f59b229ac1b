import Testing

@testable import MEDCore

@Suite("What happens often is told seldom")
struct SparseReportTests {
  @Test func `the first is told, then their number once an interval, each key by itself`() {
    var report = SparseReport<Int>(every: .seconds(60))
    let start = ContinuousClock.now
    #expect(report.happened(1, now: start) == 1)
    for second in 1..<60 { #expect(report.happened(1, now: start + .seconds(second)) == nil) }
    #expect(report.happened(2, now: start + .seconds(30)) == 1)
    #expect(report.happened(1, now: start + .seconds(60)) == 60)
    #expect(report.happened(1, now: start + .seconds(61)) == nil)
    report.forget([1])
    #expect(report.happened(1, now: start + .seconds(62)) == 1)
  }
}
