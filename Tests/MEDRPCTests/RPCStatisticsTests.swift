import Foundation
import Testing

@testable import MEDRPC

@Suite("§9 Commands by the minute")
struct RPCStatisticsTests {
  private static func statistics() -> RPCStatistics { RPCStatistics(commands: ["a", "b"]) }

  @Test func `commands are counted by name, minute and end`() {
    var statistics = Self.statistics()
    for failure in [false, false, true] { statistics.count("a", isFailure: failure, in: 100) }
    statistics.count("b", isFailure: true, in: 100)
    statistics.count("a", isFailure: false, in: 103)
    let entries = statistics.entries(until: 103)
    #expect(entries.map(\.minute) == [100, 100, 103])
    #expect(entries.map(\.command) == ["a", "b", "a"])
    #expect(entries.map(\.counts.finished) == [2, 0, 1])
    #expect(entries.map(\.counts.failed) == [1, 1, 0])
    #expect(statistics.totals.map(\.command) == ["a", "b", "unknown"])
    #expect(statistics.totals.map(\.counts.finished) == [3, 0, 0])
  }

  @Test func `names that nobody knows are one, however many clients invent`() {
    var statistics = Self.statistics()
    for number in 0..<10_000 { statistics.count("x\(number)", isFailure: true, in: 5) }
    #expect(statistics.entries(until: 5).map(\.command) == ["unknown"])
    #expect(statistics.totals.last?.counts.failed == 10_000)
  }

  @Test func `after 30 days a minute is forgotten`() {
    #expect(RPCStatistics.minutes == 43_200)
    var statistics = Self.statistics()
    for minute in 0..<(2 * RPCStatistics.minutes) {
      statistics.count("a", isFailure: false, in: minute)
      statistics.count("b", isFailure: true, in: minute)
    }
    let entries = statistics.entries(until: 2 * RPCStatistics.minutes - 1)
    #expect(entries.count == 2 * RPCStatistics.minutes && entries.first?.minute == RPCStatistics.minutes)
    // Also if none has come since.
    #expect(statistics.entries(until: 3 * RPCStatistics.minutes - 1).isEmpty)
    #expect(statistics.totals[0].counts.finished == UInt64(2 * RPCStatistics.minutes))
  }

  @Test func `a clock that is set back loses nothing`() {
    var statistics = Self.statistics()
    statistics.count("a", isFailure: false, in: 100)
    statistics.count("a", isFailure: false, in: 90)
    statistics.count("a", isFailure: false, in: -1)
    #expect(statistics.entries(until: 100).map(\.counts.finished) == [3])
  }

  @Test func `the console has them minute by minute`() throws {
    var statistics = Self.statistics()
    #expect(String(decoding: statistics.text(until: 0), as: UTF8.self) == "no stats at the time.\r\n")
    #expect(String(decoding: statistics.json(until: 0), as: UTF8.self) == "{}")
    let minute = 29_928_964  // 2026-11-27T00:04:00Z
    statistics.count("a", isFailure: false, in: minute)
    statistics.count("b", isFailure: true, in: minute)
    statistics.count("a", isFailure: true, in: minute + 1)
    #expect(
      String(decoding: statistics.text(until: minute + 1), as: UTF8.self) == """
        2026-11-27T00:04:00Z
        {"a":{"FailedReq":0,"FinishedReq":1,"TotalReq":1},"b":{"FailedReq":1,"FinishedReq":0,"TotalReq":1}}

        2026-11-27T00:05:00Z
        {"a":{"FailedReq":1,"FinishedReq":0,"TotalReq":1}}


        """)
    let json = try JSONSerialization.jsonObject(with: Data(statistics.json(until: minute + 1)))
    let object = try #require(json as? [String: [String: [String: Int]]])
    #expect(object["\(minute * 60)"]?["b"] == ["TotalReq": 1, "FinishedReq": 0, "FailedReq": 1])
    #expect(object.count == 2)
  }
}
