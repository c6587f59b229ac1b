import Testing

@testable import MEDCore

@Suite("§17 DebugAddr: rates")
struct PushRateRingTests {
  @Test func `the present second doesn't count, the ten before it do`() {
    var ring = PushRateRing()
    #expect(ring.rates(at: 0) == PushRates())
    for second in 0..<30 {
      for push in 0...second { ring.count(isFailure: push == 0, in: second) }
    }
    let rates = ring.rates(at: 29)
    #expect(rates.pushesLastSecond == 29)
    #expect(rates.failuresLastSecond == 1)
    #expect(rates.pushesLast10Seconds == (19..<29).reduce(0) { $0 + $1 + 1 })
    #expect(rates.failuresLast10Seconds == 10)
  }

  @Test func `what is older than ten seconds is forgotten, however the time passes`() {
    var ring = PushRateRing()
    ring.count(isFailure: true, in: 5)
    #expect(ring.rates(at: 6).pushesLastSecond == 1)
    #expect(ring.rates(at: 15).pushesLast10Seconds == 1)
    #expect(ring.rates(at: 16).pushesLast10Seconds == 0)
    #expect(ring.rates(at: 1_000_000) == PushRates())
    ring.count(isFailure: false, in: 17)
    #expect(ring.rates(at: 18).pushesLast10Seconds == 1)
    #expect(ring.rates(at: 18).failuresLast10Seconds == 0)
    ring.count(isFailure: false, in: 1_000_000)
    ring.count(isFailure: false, in: 1_000_003)
    #expect(ring.rates(at: 1_000_004).pushesLast10Seconds == 2)
  }

  @Test func `it equals a list of all pushes, whenever it is asked`() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var ring = PushRateRing()
      var all: [(second: Int, isFailure: Bool)] = []
      var second = 0
      for _ in 0..<200 {
        second += Int.random(in: 0...3, using: &generator)
        let isFailure = Bool.random(using: &generator)
        ring.count(isFailure: isFailure, in: second)
        all.append((second, isFailure))
        let asked = second + Int.random(in: 0...14, using: &generator)
        let window = all.filter { (asked - 10..<asked).contains($0.second) }
        let rates = ring.rates(at: asked)
        #expect(rates.pushesLast10Seconds == window.count)
        #expect(rates.failuresLast10Seconds == window.count { $0.isFailure })
        #expect(rates.pushesLastSecond == window.count { $0.second == asked - 1 })
      }
    }
  }
}

@Suite("§17 DebugAddr: the process")
struct ProcessStatisticsTests {
  @Test func `memory and uptime of this process are known`() {
    #expect(ProcessStatistics.residentBytes > 1 << 20)
    #expect(ProcessStatistics.uptime > 0)
  }

  @Test func `the kernel's files are read as they are, and nonsense is 0`() {
    #expect(ProcessStatistics.residentBytes(statm: "100 25 3 4 0 5 0\n", pageSize: 4096) == 25 * 4096)
    #expect(ProcessStatistics.residentBytes(statm: "", pageSize: 4096) == 0)
    #expect(ProcessStatistics.residentBytes(statm: "1 -2", pageSize: 4096) == 0)
    #expect(ProcessStatistics.residentBytes(statm: "1 9223372036854775807", pageSize: 4096) == 0)
    let fields = (4...24).map { $0 == 22 ? "5000" : "\($0)" }.joined(separator: " ")
    let stat = "17 (a ) name) S \(fields)"
    #expect(ProcessStatistics.uptime(stat: stat, systemUptime: "62.50 9.9\n", ticksPerSecond: 100) == 12.5)
    #expect(ProcessStatistics.uptime(stat: stat, systemUptime: "1.0", ticksPerSecond: 100) == 0)
    for nonsense in ["", "17 (x", ") 1 2 3", stat.replacing("5000", with: "many")] {
      #expect(ProcessStatistics.uptime(stat: nonsense, systemUptime: "62.5", ticksPerSecond: 100) == 0)
    }
  }
}
