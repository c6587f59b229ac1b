import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDAdmin

@Suite("§9 PrometheusApiAddr")
struct MetricsRoutesTests {
  private static let patience = Duration.seconds(60)
  private static let paths = [
    "/metrics", "/prometheus/pushstatistics", "/prometheus/pushstatistics/withfail/10second", "/pushstatistics/alldata",
  ]

  private static var statistics: PushStatistics {
    let json =
      #"{"pushesLastSecond":4,"failuresLastSecond":0,"pushesLast10Seconds":40,"failuresLast10Seconds":2,"#
      + #""pushesLastMinute":41,"failuresLastMinute":2,"pushesLastHour":42,"failuresLastHour":2,"#
      + #""pushesLastDay":43,"failuresLastDay":2}"#
    var statistics = PushStatistics()
    if let rates = try? JSONDecoder().decode(PushRates.self, from: Data(json.utf8)) {
      statistics.add(rates, topic: "order_paid", subscription: 352)
    }
    statistics.add(PushRates(), topic: #"quiet "\"#, subscription: 7)
    return statistics
  }

  /// As PrometheusApiAddr: without access rules.
  private static func run(
    metrics: @escaping @Sendable () async -> DispatcherMetrics? = { DispatcherMetrics() },
    statistics: @escaping @Sendable () async -> PushStatistics? = { Self.statistics },
    limits: AdminLimits = .init(), _ body: @escaping @Sendable (UInt16) async throws -> Void
  ) async throws {
    let server = AdminServer(
      "PrometheusApiAddr", host: "127.0.0.1", port: 0,
      groups: [MetricsRoutes(metrics: metrics, statistics: statistics)], limits: limits, logger: APIHarness.silent)
    try await serve(server, within: patience, body)
  }

  private static func get(_ port: UInt16, _ path: String) throws -> PlainHTTP.Response {
    try PlainHTTP.send(port: port, path: path, timeout: patience)
  }

  private static func samples(_ response: PlainHTTP.Response) -> [Substring] {
    response.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
  }

  @Test func `each path gives its form`() async throws {
    try await Self.run { port in
      let metrics = try Self.get(port, "/metrics")
      #expect(metrics.status == 200 && metrics.text.contains("\n# TYPE medispatcher_pushes_total counter\n"))
      let rates = try Self.get(port, "/prometheus/pushstatistics")
      #expect(
        Self.samples(rates) == [
          #"mec_topic_push_rate_1s{topic="order_paid", channel="352"} 4"#,
          #"mec_topic_push_rate_1s{topic="quiet \"\\", channel="7"} 0"#,
        ])
      for response in [metrics, rates] {
        #expect(response.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(response.header("cache-control") == "no-store")
      }
      let failures = try Self.get(port, "/prometheus/pushstatistics/withfail/10second")
      #expect(
        Self.samples(failures).first == #"mec_topic_push_fail_percent_10s{topic="order_paid", channel="352"} 5"#)
      let all = try Self.get(port, "/pushstatistics/alldata")
      #expect(all.header("content-type")?.hasPrefix("application/json") == true)
      #expect(all.json?["order_paid"]?["352"]?["hour"] == 42 && all.json?[#"quiet "\"#]?["7"]?["day"] == 0)
    }
  }

  @Test func `nozero leaves zeros out, and other names in the query mean nothing`() async throws {
    try await Self.run { port in
      for query in ["?nozero=true", "?a=b&nozero=true&c"] {
        #expect(try Self.samples(Self.get(port, "/prometheus/pushstatistics\(query)")).count == 1)
        #expect(try Self.samples(Self.get(port, "/prometheus/pushstatistics/withfail/10second\(query)")).count == 1)
        let all = try Self.get(port, "/pushstatistics/alldata\(query)").json
        #expect(all?["order_paid"]?["352"]?["failed_second"] == nil && all?["order_paid"]?["352"]?["day"] == 43)
        #expect(all?[#"quiet "\"#] == nil)
      }
      for query in ["?nozero=false", "?nozero", "?nozero=1", "?x"] {
        #expect(try Self.samples(Self.get(port, "/prometheus/pushstatistics\(query)")).count == 2)
      }
      #expect(try Self.get(port, "/metrics?x=y").status == 200)
    }
  }

  @Test(arguments: ["POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"])
  func `any other method gets 405`(method: String) async throws {
    try await Self.run { port in
      for path in Self.paths {
        let response = try PlainHTTP.send(method, port: port, path: path, timeout: Self.patience)
        #expect(response.status == 405 && response.header("allow") == "GET", "\(path)")
      }
      #expect(try Self.get(port, "/").status == 404)
    }
  }

  @Test func `while nothing runs it is 503`() async throws {
    try await Self.run(metrics: { nil }, statistics: { nil }) { port in
      for path in Self.paths {
        let response = try Self.get(port, path)
        #expect(response.status == 503, "\(path)")
      }
    }
  }

  @Test func `however many ask at once, the dispatcher is asked seldom`() async throws {
    let asked = Locked(0)
    let source = MetricsSource {
      asked.withLock { $0 += 1 }
      return DispatcherMetrics()
    }
    let began = ContinuousClock.now
    // As many as may be under way.
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { for _ in 0..<10 { _ = try? await source.text() } } }
    }
    let passed = ContinuousClock.now - began
    #expect(asked.withLock { $0 } <= 2 + Int(passed / MetricsSource.freshness))
  }

  @Test func `the admin API has metrics too, guarded as all its reads are`() async throws {
    var harness = APIHarness()
    harness.change = { $0.metrics = { DispatcherMetrics() } }
    try await harness.run { port in
      let response = try APIHarness.send(port, "/metrics", token: nil)
      #expect(response.status == 200 && response.text.contains("medispatcher_copies_total 0\n"))
      #expect(response.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
      #expect(try APIHarness.send(port, "/metrics", token: "wrong").status == 401)
      #expect(try APIHarness.send("POST", port, "/metrics", "{}").status == 405)
    }
    harness.access = AccessRules(token: APIHarness.token, isOpenToOthers: true)
    try await harness.run { port in
      let (refused, allowed) = (
        try APIHarness.send(port, "/metrics", token: nil), try APIHarness.send(port, "/metrics")
      )
      #expect(refused.status == 401 && allowed.status == 200)
    }
    try await APIHarness().run { port in
      let response = try APIHarness.send(port, "/metrics")
      #expect(response.status == 503)
    }
  }
}
