import Testing

@testable import MEDCore

@Suite("§9 Metrics: how pushes ended, and how long they took")
struct PushTotalsTests {
  @Test func `each end of a push has its outcome, and one that a stop cut off has none`() {
    func outcome(_ status: Int, isDelivered: Bool = false) -> PushOutcome? {
      PushOutcome(.answered(status: status, body: [], truncated: false, retryAfter: nil), isDelivered: isDelivered)
    }
    #expect(outcome(200, isDelivered: true) == .delivered && outcome(204, isDelivered: true) == .delivered)
    #expect(outcome(200) == .notAcknowledged && outcome(301) == .http3xx && outcome(404) == .http4xx)
    #expect(outcome(503) == .http5xx && outcome(204) == .httpOther && outcome(999) == .httpOther)
    for kind in PushFailure.Kind.allCases {
      let outcome = PushOutcome(.failed(PushFailure(kind, "")), isDelivered: false)
      #expect((outcome == nil) == (kind == .cancelled), "\(kind)")
    }
    #expect(Set(PushOutcome.allCases.map(\.name)).count == PushOutcome.allCases.count)
    #expect(PushOutcome.allCases.map(\.rawValue) == Array(0..<PushOutcome.allCases.count))
  }

  @Test func `first and repeated pushes are counted apart`() {
    var tally = PushTally()
    tally.count(.channel, .delivered, took: .milliseconds(3))
    tally.count(.channel, .delivered, took: .milliseconds(3))
    tally.count(.retry, .timedOut, took: .seconds(5))
    let totals = PushTotals(tally)
    #expect(totals.first == ["delivered": 2] && totals.repeated == ["timed_out": 1])
    #expect(totals.durations.count == 3)
  }

  @Test func `a duration belongs to the first step that it doesn't exceed`() {
    var histogram = DurationHistogram()
    let durations: [Duration] = [
      .zero, .milliseconds(1), .microseconds(1_001), .seconds(60), .milliseconds(60_001), .seconds(1_000_000_000),
      .seconds(-5), .nanoseconds(-1),
    ]
    for duration in durations { histogram.note(duration) }
    #expect(histogram.counts[0] == 4 && histogram.counts[1] == 1)
    #expect(histogram.counts[DurationHistogram.bounds.count - 1] == 1)
    #expect(histogram.counts[DurationHistogram.bounds.count] == 2)
    #expect(histogram.count == 8)
    #expect(abs(histogram.sumSeconds - 1_000_120.003001) < 0.001)
    #expect(DurationHistogram.bounds == DurationHistogram.bounds.sorted())
  }
}
