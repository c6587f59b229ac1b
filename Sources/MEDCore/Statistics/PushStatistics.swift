/// Pushes by topic and subscription, in the windows of ``PushRates`` (SPEC §9).
///
/// Only subscriptions are in it that have pushed something within a day, and at most 100,000.
public struct PushStatistics: Sendable, Equatable {
  /// Counts by topic and the subscription's number.
  public private(set) var topics: [String: [Int: PushRates]] = [:]

  /// Nothing was pushed.
  public init() {}

  /// Adds what a subscription has pushed.
  public mutating func add(_ rates: PushRates, topic: String, subscription: Int) {
    let sum = (topics[topic]?[subscription] ?? PushRates()) + rates
    topics[topic, default: [:]][subscription] = sum
  }

  /// topic → subscription → `second`, `10_second`, `minute`, `hour`, `day`, and the same with `failed_` before.
  public var json: JSONValue { json(withZeros: true) }

  /// - Parameter withZeros: false leaves out counts that are 0, and subscriptions and topics without any other.
  public func json(withZeros: Bool) -> JSONValue {
    var object: [String: JSONValue] = [:]
    for (topic, subscriptions) in topics {
      var channels: [String: JSONValue] = [:]
      for (subscription, rates) in subscriptions {
        let counts = rates.counts.filter { withZeros || $0.count != 0 }
        if !counts.isEmpty {
          channels["\(subscription)"] = .object(
            Dictionary(uniqueKeysWithValues: counts.map { ($0.name, .integer($0.count)) }))
        }
      }
      if !channels.isEmpty { object[topic] = .object(channels) }
    }
    return .object(object)
  }
}

extension PushRates {
  /// By the names that they have in answers.
  fileprivate var counts: [(name: String, count: Int)] {
    [
      ("second", pushesLastSecond), ("failed_second", failuresLastSecond),
      ("10_second", pushesLast10Seconds), ("failed_10_second", failuresLast10Seconds),
      ("minute", pushesLastMinute), ("failed_minute", failuresLastMinute),
      ("hour", pushesLastHour), ("failed_hour", failuresLastHour),
      ("day", pushesLastDay), ("failed_day", failuresLastDay),
    ]
  }
}

/// What one subscription has pushed.
struct PushStatisticsRow: Sendable {
  let topic: String
  let subscription: Int
  let rates: PushRates
}

extension PushStatistics {
  init(_ rows: [PushStatisticsRow]) {
    for row in rows { add(row.rates, topic: row.topic, subscription: row.subscription) }
  }
}

extension Engine {
  /// On the loop, in slices of subscriptions between which other work goes on; sorted by topic elsewhere.
  func pushStatistics() async -> [PushStatisticsRow] {
    var rows: [PushStatisticsRow] = []
    let second = context.second
    for (index, id) in context.pushes.ids.enumerated() {
      if index > 0, index % LaneListing.slice == 0 { await Task.yield() }
      guard let pushes = context.pushes[id] else { continue }
      let rates = pushes.rates(at: second)
      // A lane that woke and has pushed nothing, or nothing any more.
      if rates.pushesLastDay > 0 {
        rows.append(PushStatisticsRow(topic: pushes.topic, subscription: id, rates: rates))
      }
    }
    return rows
  }
}
