/// Pushes by topic and subscription, as far as they are counted: the last whole second and the last ten (SPEC §9).
///
/// Only subscriptions are in it that had something to do in the last seconds: others have pushed nothing.
public struct PushStatistics: Sendable, Equatable {
  /// Counts by topic and the subscription's number.
  public private(set) var topics: [String: [Int: PushRates]] = [:]

  /// Nothing was pushed.
  public init() {}

  /// Adds what one lane of a subscription has done; its channel and its retry channel count together.
  mutating func add(_ rates: PushRates, topic: String, subscription: Int) {
    var sum = topics[topic]?[subscription] ?? PushRates()
    sum.pushesLastSecond += rates.pushesLastSecond
    sum.failuresLastSecond += rates.failuresLastSecond
    sum.pushesLast10Seconds += rates.pushesLast10Seconds
    sum.failuresLast10Seconds += rates.failuresLast10Seconds
    topics[topic, default: [:]][subscription] = sum
  }

  /// topic → subscription → `second`, `10_second`, and the same with `failed_` before.
  public var json: JSONValue {
    .object(
      topics.mapValues { subscriptions in
        .object(
          Dictionary(
            uniqueKeysWithValues: subscriptions.map { subscription, rates in
              (
                "\(subscription)",
                [
                  "second": .integer(rates.pushesLastSecond), "10_second": .integer(rates.pushesLast10Seconds),
                  "failed_second": .integer(rates.failuresLastSecond),
                  "failed_10_second": .integer(rates.failuresLast10Seconds),
                ]
              )
            }))
      })
  }
}

extension Engine {
  /// On the loop, in slices of lanes between which other work goes on.
  func pushStatistics() async -> PushStatistics {
    var statistics = PushStatistics()
    let second = context.second
    for (index, lane) in supervisor.all.enumerated() {
      if index > 0, index % LaneListing.slice == 0 { await Task.yield() }
      statistics.add(lane.rates.rates(at: second), topic: lane.channel.topic, subscription: lane.channel.id)
    }
    return statistics
  }
}
