import Foundation
import MEDCore
import Testing

@testable import MEDApp

@Suite("§14 medctl stats: the report")
struct StatsReportTests {
  private static func listed(_ id: Int, _ topic: String, status: Int = 0) -> ListedSubscription {
    ListedSubscription(
      subscription: Subscription(id: id, topic: topic, receptionChannel: "http://h/"), subscriber: "s", status: status)
  }

  private static func tube(_ name: String, ready: Int = 0, buried: Int = 0) -> SurveyedServer.Tube {
    var statistics = TubeStatistics()
    statistics.ready = ready
    statistics.buried = buried
    return SurveyedServer.Tube(
      name: name, role: TubeRoles.Role(kind: .channel, subscription: 1, topic: "t"), statistics: statistics)
  }

  private static func report(_ tubes: [SurveyedServer.Tube], _ dispatcher: StatsReport.DispatcherPart = .off)
    -> StatsReport
  {
    var server = SurveyedServer(address: QueueServerAddress(host: "127.0.0.1"))
    server.totals = ServerStatistics()
    server.tubes = tubes
    return StatsReport(servers: [server], dispatcher: dispatcher, time: Timestamp(microseconds: 0))
  }

  @Test func `tubes are told by the names of live subscriptions`() {
    let roles = TubeRoles(
      mainQueue: "main", channelPrefix: "sub-queue/",
      subscriptions: [Self.listed(1, "t"), Self.listed(2, "t", status: 1), Self.listed(3, "no tube name")])
    #expect(roles.role(of: "main") == TubeRoles.Role(kind: .main))
    #expect(roles.role(of: "t/sub-queue/1") == TubeRoles.Role(kind: .channel, subscription: 1, topic: "t"))
    #expect(roles.role(of: "t/sub-queue/1/FAIL") == TubeRoles.Role(kind: .retry, subscription: 1, topic: "t"))
    for name in ["t/sub-queue/2", "t/sub-queue/01", "u/sub-queue/1", "no tube name/sub-queue/3", "default"] {
      #expect(roles.role(of: name) == nil, "\(name)")
    }
  }

  @Test func `the fullest tubes come first, no more than asked for, and the rest is counted`() {
    let tubes = (0..<50).map { Self.tube("t/\($0)", ready: $0) }
    let lines = Self.report(tubes).lines(rows: 3)
    let shown = lines.filter { $0.hasPrefix("t/") }
    #expect(shown.map { $0.prefix { $0 != " " } } == ["t/49", "t/48", "t/47"])
    #expect(lines.contains("… and 46 more tubes with jobs"))
  }

  @Test func `control characters of others do nothing to the terminal`() throws {
    var state = DispatcherState()
    state.lanes.awake = 1
    var lane = LaneState()
    lane.topic = "\u{1b}[2Jtopic"
    state.lanes.listed = [lane]
    state.directory.storeError = "store\r\u{7}"
    var report = Self.report([Self.tube("a\u{1b}]0;x", buried: 1)], .answered(address: "a:1", state))
    report.servers[0].failure = "no\u{1b}[31m"
    report.storeFailure = "\u{9b}31m"
    let text = report.lines(rows: 9).joined(separator: "\n")
    #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)) })
    #expect(text.contains("topic"))
    #expect(!report.json.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
    let object = try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any]
    #expect(object?["complete"] as? Bool == false)
  }

  @Test func `lanes and rates are shown if a dispatcher answers, else it is said that none does`() {
    var state = DispatcherState()
    state.version = "9.9"
    state.rates.pushesLast10Seconds = 123
    (state.rates.pushesLastDay, state.rates.failuresLastDay) = (9_876, 54)
    state.lanes.awake = 7
    var lane = LaneState()
    lane.topic = "order_paid"
    lane.kind = .retry
    state.lanes.listed = [lane]
    let with = Self.report([], .answered(address: "a:1", state)).lines(rows: 5)
    #expect(with.contains { $0.hasPrefix("dispatcher 9.9 on a:1, up 0 s") })
    #expect(with.contains { $0.contains("now 12.3 pushes/s") })
    #expect(
      with.contains("pushes (failed) in 1 s: 0 (0), 10 s: 123 (0), 1 min: 0 (0), 1 h: 0 (0), 1 day: 9876 (54)"))
    #expect(with.contains { $0.hasPrefix("order_paid (retries)") })
    #expect(with.contains("… and 2 more lanes are awake"))
    let without = Self.report([], .silent(address: "a:1", reason: "refused")).lines(rows: 5)
    #expect(without.contains("no dispatcher answers on a:1, so no lanes and rates: refused"))
  }

  @Test func `recover lists are shown if there are any, with what is wrong`() {
    var state = DispatcherState()
    #expect(!Self.report([], .answered(address: "a:1", state)).lines(rows: 5).contains { $0.contains("recover lists") })
    state.counters.recovered = 12
    var lists = RecoverListsState()
    lists.isReachable = true
    lists.address = "r:6379"
    lists.latestError = "old"
    state.recoverLists = lists
    let well = Self.report([], .answered(address: "a:1", state)).lines(rows: 5)
    #expect(well.contains { $0.hasPrefix("recover lists on r:6379: 12 messages recovered, 0 put back, 0 recorded") })
    #expect(!well.contains { $0.contains("old") })
    state.recoverLists?.isReachable = false
    #expect(Self.report([], .answered(address: "a:1", state)).lines(rows: 5).contains("its recover lists: old"))
  }
}

@Suite("§14 Completion: what is offered")
struct CompletionWordTests {
  @Test(
    arguments: [
      (["medctl", "kick", "-f", "a.toml"], "a.toml"), (["medctl", "--config=b", "kick"], "b"),
      (["medctl", "kick", "-fc"], "c"), (["medctl", "kick", "-f"], nil), (["medctl", "publish", "--file", "x"], nil),
    ] as [([String], String?)])
  func `the config file is found among the words`(words: [String], file: String?) {
    #expect(CompletionWords.configFile(words) == file)
  }
}
