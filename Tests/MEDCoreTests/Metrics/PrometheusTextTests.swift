import Testing

@testable import MEDCore

@Suite("§9 Metrics: the text format")
struct PrometheusTextTests {
  @Test func `a metric has its help, its type and its samples`() {
    var text = PrometheusText()
    text.metric("a_total", .counter, "What a \\ is.\nAnd \"b\".", 17)
    text.metric("b_bytes", .gauge, "B.") {
      $0.sample(0.5, [("x", "1"), ("y", "")])
      $0.sample(true, [("x", "2"), ("y", "z")])
    }
    text.metric("c", .gauge, "None.") { _ in }
    #expect(
      String(decoding: text.bytes, as: UTF8.self) == """
        # HELP a_total What a \\\\ is.\\nAnd "b".
        # TYPE a_total counter
        a_total 17
        # HELP b_bytes B.
        # TYPE b_bytes gauge
        b_bytes{x="1",y=""} 0.5
        b_bytes{x="2",y="z"} 1
        # HELP c None.
        # TYPE c gauge

        """)
  }

  @Test(arguments: [
    ("plain", "plain"), ("a\\b", "a\\\\b"), ("\"", "\\\""), ("two\nlines", "two\\nlines"),
    ("é\u{0}\t\r{}=,", "é\u{0}\t\r{}=,"),
    ("\\n", "\\\\n"), ("", ""),
  ])
  func `backslashes, quotes and line ends in a label are escaped, and nothing else`(value: String, written: String) {
    var text = PrometheusText()
    text.metric("m", .gauge, "M.") { $0.sample(1, [("topic", value)]) }
    #expect(String(decoding: text.bytes, as: UTF8.self).hasSuffix("m{topic=\"\(written)\"} 1\n"))
  }

  @Test(arguments: [
    (0, "0"), (-0.0, "0"), (1, "1"), (2.5, "2.5"), (1e300, "1e+300"), (0.001, "0.001"), (1e-9, "1e-09"),
    (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (9_007_199_254_740_991, "9007199254740991"),
  ])
  func `numbers are written as they are read`(value: Double, text: String) {
    #expect(value.metricText == text)
  }

  @Test func `a histogram adds its steps up`() {
    var histogram = DurationHistogram()
    for duration in [Duration.microseconds(500), .milliseconds(2), .milliseconds(2), .seconds(100)] {
      histogram.note(duration)
    }
    var text = PrometheusText()
    text.metric("h_seconds", .histogram, "H.") { $0.sample(histogram) }
    let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n").dropFirst(2)
    #expect(lines.first == "h_seconds_bucket{le=\"0.001\"} 1")
    #expect(lines.contains("h_seconds_bucket{le=\"0.0025\"} 3") && lines.contains("h_seconds_bucket{le=\"60\"} 3"))
    #expect(lines.suffix(3) == ["h_seconds_bucket{le=\"+Inf\"} 4", "h_seconds_sum 100.0045", "h_seconds_count 4"])
    #expect(lines.count == DurationHistogram.bounds.count + 3)
  }
}

@Suite("§9 Push statistics: their forms")
struct PushStatisticsTextTests {
  private static var statistics: PushStatistics {
    var statistics = PushStatistics()
    var rates = PushRates()
    (rates.pushesLastSecond, rates.pushesLast10Seconds, rates.failuresLast10Seconds) = (4, 30, 10)
    (rates.pushesLastMinute, rates.pushesLastHour, rates.pushesLastDay) = (31, 32, 33)
    statistics.add(rates, topic: "order_paid", subscription: 352)
    statistics.add(PushRates(), topic: "a \"b\" \\\n", subscription: 7)
    statistics.add(rates, topic: "order_paid", subscription: 9)
    statistics.add(rates, topic: "order_paid", subscription: 9)
    return statistics
  }

  private static func lines(_ bytes: [UInt8]) -> [Substring] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
  }

  @Test func `rates are those of the last second, by topic and channel, in order`() {
    #expect(
      Self.lines(Self.statistics.rateText()) == [
        #"mec_topic_push_rate_1s{topic="a \"b\" \\\n", channel="7"} 0"#,
        #"mec_topic_push_rate_1s{topic="order_paid", channel="9"} 8"#,
        #"mec_topic_push_rate_1s{topic="order_paid", channel="352"} 4"#,
      ])
    #expect(Self.lines(Self.statistics.rateText(withZeros: false)).count == 2)
  }

  @Test func `failures are a share of ten seconds, in percent`() {
    #expect(
      Self.lines(Self.statistics.failureText()) == [
        #"mec_topic_push_fail_percent_10s{topic="a \"b\" \\\n", channel="7"} 0"#,
        #"mec_topic_push_fail_percent_10s{topic="order_paid", channel="9"} 33.33"#,
        #"mec_topic_push_fail_percent_10s{topic="order_paid", channel="352"} 33.33"#,
      ])
    #expect(Self.lines(Self.statistics.failureText(withZeros: false)).count == 2)
  }

  @Test func `all data are there as JSON, with zeros or without`() {
    let all = Self.statistics.json
    #expect(all["order_paid"]?["352"]?["10_second"] == 30 && all["order_paid"]?["352"]?["failed_10_second"] == 10)
    #expect(all["order_paid"]?["9"]?["day"] == 66 && all["order_paid"]?["9"]?["failed_hour"] == 0)
    let names = Self.statistics.json(withZeros: true)["a \"b\" \\\n"]?["7"]
    guard case .object(let members) = names else {
      Issue.record("no object")
      return
    }
    let windows = ["second", "10_second", "minute", "hour", "day"]
    #expect(Set(members.keys) == Set(windows + windows.map { "failed_" + $0 }))
    #expect(
      Self.statistics.json(withZeros: false)["order_paid"]?["352"] == [
        "second": 4, "10_second": 30, "failed_10_second": 10, "minute": 31, "hour": 32, "day": 33,
      ])
    #expect(Self.statistics.json(withZeros: false)["a \"b\" \\\n"] == nil)
    #expect(PushStatistics().json == [:])
  }
}
