/// As existing installations have them scraped. The channel is the subscription's number.
extension PushStatistics {
  /// ```
  /// mec_topic_push_rate_1s{topic="order_paid", channel="352"} 40
  /// ```
  /// Pushes in the last whole second.
  /// - Parameter withZeros: false leaves out those that are 0.
  public func rateText(withZeros: Bool = true) -> [UInt8] {
    text("mec_topic_push_rate_1s", "Pushes in the last whole second.", withZeros) { Double($0.pushesLastSecond) }
  }

  /// ```
  /// mec_topic_push_fail_percent_10s{topic="order_paid", channel="352"} 2.5
  /// ```
  /// The share of failed pushes in the last ten whole seconds, in percent with two decimals at most; 0 without pushes.
  /// - Parameter withZeros: false leaves out those that are 0.
  public func failureText(withZeros: Bool = true) -> [UInt8] {
    text("mec_topic_push_fail_percent_10s", "Failed pushes in the last ten whole seconds, in percent.", withZeros) {
      guard $0.pushesLast10Seconds > 0 else { return 0 }
      let share = Double($0.failuresLast10Seconds) / Double($0.pushesLast10Seconds)
      return (share * 10_000).rounded() / 100
    }
  }

  private func text(
    _ name: StaticString, _ help: StaticString, _ withZeros: Bool, _ value: (PushRates) -> Double
  ) -> [UInt8] {
    var text = PrometheusText(separator: ", ")
    text.metric(name, .gauge, help) { samples in
      for (topic, subscriptions) in topics.sorted(by: { $0.key < $1.key }) {
        for (id, rates) in subscriptions.sorted(by: { $0.key < $1.key }) {
          let value = value(rates)
          if withZeros || value != 0 { samples.sample(value, [("topic", topic), ("channel", "\(id)")]) }
        }
      }
    }
    return text.bytes
  }
}
