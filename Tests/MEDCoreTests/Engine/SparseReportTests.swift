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
  }

  @Test func `past their number those that are over are forgotten, and the others share a place`() {
    #expect(SparseReport<Int>.bound == 1_000)
    var report = SparseReport<Int>(every: .seconds(60))
    let start = ContinuousClock.now
    for key in 0..<1_000 { #expect(report.happened(key, now: start) == 1) }
    #expect(report.happened(1_000, now: start + .seconds(1)) == 1)
    for key in 1_001..<3_000 { #expect(report.happened(key, now: start + .seconds(2)) == nil) }
    #expect(report.count == 1_001)
    #expect(report.happened(5_000, now: start + .seconds(62)) == 1)
    #expect(report.count == 1)
  }
}
