import Testing

@testable import MEDCore

@Suite("§9 Push statistics: windows")
struct PushHistoryTests {
  private typealias Push = (second: Int, isFailure: Bool)

  /// The same from a list of all pushes, by the table of ``PushRates``.
  private static func expected(_ all: [Push], at second: Int) -> PushRates {
    let last = second - 1
    func counts(from first: Int) -> (Int, Int) {
      let window = all.filter { $0.second >= first && $0.second <= last }
      return (window.count, window.count { $0.isFailure })
    }
    var rates = PushRates()
    (rates.pushesLastSecond, rates.failuresLastSecond) = counts(from: last)
    (rates.pushesLast10Seconds, rates.failuresLast10Seconds) = counts(from: last - 9)
    (rates.pushesLastMinute, rates.failuresLastMinute) = counts(from: last - 59)
    (rates.pushesLastHour, rates.failuresLastHour) = counts(from: (last / 60 - 59) * 60)
    (rates.pushesLastDay, rates.failuresLastDay) = counts(from: (last / 600 - 143) * 600)
    return rates
  }

  @Test func `the present second doesn't count, those before it do`() {
    var history = PushHistory()
    #expect(history.rates(at: 0) == PushRates())
    for second in 0..<30 {
      for push in 0...second { history.count(isFailure: push == 0, in: second) }
    }
    let rates = history.rates(at: 29)
    #expect(rates.pushesLastSecond == 29)
    #expect(rates.failuresLastSecond == 1)
    #expect(rates.pushesLast10Seconds == (19..<29).reduce(0) { $0 + $1 + 1 })
    #expect(rates.failuresLast10Seconds == 10)
    #expect(rates.pushesLastMinute == (0..<29).reduce(0) { $0 + $1 + 1 })
    #expect(rates.pushesLastHour == rates.pushesLastMinute && rates.pushesLastDay == rates.pushesLastMinute)
    #expect(history.pushes == (0..<30).reduce(0) { $0 + $1 + 1 })
    #expect(history.failures == 30)
  }

  enum Window: Sendable {
    case second, tenSeconds, minute, hour, day

    func of(_ rates: PushRates) -> Int {
      switch self {
      case .second: rates.pushesLastSecond
      case .tenSeconds: rates.pushesLast10Seconds
      case .minute: rates.pushesLastMinute
      case .hour: rates.pushesLastHour
      case .day: rates.pushesLastDay
      }
    }
  }

  @Test(
    arguments: [
      // A push, and the first moment at which it isn't in the window any more.
      (5, 7, .second), (5, 16, .tenSeconds), (5, 66, .minute), (119, 180, .minute), (0, 3_601, .hour),
      (59, 3_601, .hour), (60, 3_661, .hour), (0, 86_401, .day), (599, 86_401, .day), (600, 87_001, .day),
    ] as [(Int, Int, Window)])
  func `a push is in each window to its end`(second: Int, end: Int, window: Window) {
    for pushedLater in [false, true] {
      var history = PushHistory()
      history.count(isFailure: false, in: second)
      #expect(window.of(history.rates(at: second)) == 0)
      #expect(window.of(history.rates(at: second + 1)) == 1)
      if pushedLater { history.count(isFailure: true, in: end - 1) }
      #expect(window.of(history.rates(at: end - 1)) == 1)
      #expect(window.of(history.rates(at: end)) == (pushedLater ? 1 : 0))
    }
  }

  @Test func `it equals a list of all pushes, whenever it is asked, and each window is part of the next`() {
    var generator = SystemRandomNumberGenerator()
    for round in 0..<60 {
      var history = PushHistory()
      var all: [Push] = []
      var second = 0
      for _ in 0..<200 {
        second += Int.random(in: 0...[3, 40, 900, 9_000][round % 4], using: &generator)
        let isFailure = Bool.random(using: &generator)
        history.count(isFailure: isFailure, in: second)
        all.append((second, isFailure))
        if Int.random(in: 0..<5, using: &generator) == 0 { history.trim(at: second) }
        let asked = second + Int.random(in: 0...[14, 100, 4_000, 90_000][round % 4], using: &generator)
        let rates = history.rates(at: asked)
        #expect(rates == Self.expected(all, at: asked), "\(asked)")
        #expect(rates.pushesLastMinute <= rates.pushesLastHour && rates.pushesLastHour <= rates.pushesLastDay)
        let recent = history.recentRates(at: asked)
        #expect(recent.pushesLast10Seconds == rates.pushesLast10Seconds)
        #expect(history.pushesOfHour(at: asked) == rates.pushesLastHour)
      }
      #expect(history.pushes == 200)
    }
  }

  @Test func `it is over after a day without pushes, not before`() {
    var history = PushHistory()
    #expect(history.isOver)
    history.count(isFailure: false, in: 1_000)
    history.trim(at: 87_000)
    #expect(!history.isOver && history.rates(at: 87_000).pushesLastDay == 1)
    history.trim(at: 87_600)
    #expect(history.isOver && history.rates(at: 87_600) == PushRates())
    #expect(history.pushes == 1)
  }

  @Test func `spans take no more places than the longest window has, and count no further than they can`() {
    var buckets = PushBuckets()
    for span in 0..<1_000 { buckets.add(PushSum(pushes: .max, failures: 1), in: span, keeping: 60) }
    #expect(buckets.sum(0...999) == PushSum(pushes: .max, failures: 60))
    buckets.forget(before: 999)
    #expect(!buckets.isEmpty && buckets.sum(0...999).failures == 1)
    buckets.forget(before: 1_000)
    #expect(buckets.isEmpty)
  }
}
