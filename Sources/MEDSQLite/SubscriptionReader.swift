import GRDB
import MEDCore

/// A row that can't be used, and is passed over.
struct RowWarning: Hashable, Sendable {
  let subscription: Int?
  let problem: String
}

/// Reads subscriptions with their parameters: two queries, however many there are.
struct SubscriptionReader {
  private static let live = """
    SELECT s.subscription_id, s.message_class_id, s.subscriber_id, s.reception_channel, m.class_key
    FROM subscriptions s LEFT JOIN message_classes m ON m.class_id = s.message_class_id
    WHERE CAST(s.status AS INTEGER) = 0 ORDER BY s.subscription_id
    """
  private static let parameters = """
    SELECT subscription_id, param_name, param_value FROM subscription_params ORDER BY subscription_id
    """
  private static let liveOfTopic = """
    SELECT s.subscription_id, s.message_class_id, s.subscriber_id, s.reception_channel, m.class_key
    FROM message_classes m JOIN subscriptions s ON s.message_class_id = m.class_id
    WHERE m.class_key = ? AND CAST(s.status AS INTEGER) = 0 ORDER BY s.subscription_id
    """
  private static let parametersOfTopic = """
    SELECT subscription_id, param_name, param_value FROM subscription_params WHERE subscription_id IN
      (SELECT s.subscription_id FROM message_classes m JOIN subscriptions s ON s.message_class_id = m.class_id
       WHERE m.class_key = ?)
    ORDER BY subscription_id
    """

  /// Names are written once, not once per row.
  private static let names = Dictionary(uniqueKeysWithValues: ParameterName.allCases.map { ($0.rawValue, $0.rawValue) })

  private(set) var warnings: Set<RowWarning> = []
  private var hasher = Hasher()

  /// Of all rows read so far; the same as ``fingerprint(_:)`` after ``all(_:)``.
  var fingerprint: Int { hasher.finalize() }

  mutating func all(_ database: Database) throws -> [Subscription] {
    var parameters = try readParameters(StatementRows(database, Self.parameters))
    return try readSubscriptions(StatementRows(database, Self.live), &parameters)
  }

  mutating func subscriptions(ofTopic topic: String, _ database: Database) throws -> [Subscription] {
    var parameters = try readParameters(StatementRows(database, Self.parametersOfTopic, [topic]))
    // A hand-made column may compare without regard to case; a topic is its bytes.
    return try readSubscriptions(StatementRows(database, Self.liveOfTopic, [topic]), &parameters)
      .filter { $0.topic.utf8.elementsEqual(topic.utf8) }
  }

  /// Equal as long as ``all(_:)`` would give the same. Makes no objects.
  static func fingerprint(_ database: Database) throws -> Int {
    var hasher = Hasher()
    for sql in [parameters, live] {
      let rows = try StatementRows(database, sql)
      while try rows.next() { rows.hash(into: &hasher) }
    }
    return hasher.finalize()
  }

  /// Rows of one subscription follow each other.
  private mutating func readParameters(_ rows: StatementRows) throws -> [Int: [String: String]] {
    var result: [Int: [String: String]] = [:]
    var previous: [String: String] = [:]
    var present: (id: Int, parameters: [String: String])?

    func finish() {
      guard let present else { return }
      // Many subscriptions have the same ones: they share them.
      if present.parameters != previous { previous = present.parameters }
      result[present.id] = previous
    }
    while try rows.next() {
      rows.hash(into: &hasher)
      guard let id = rows.integer(0), let name = rows.text(1), !name.isEmpty else {
        warn(rows.integer(0), "a parameter without subscription id or name")
        continue
      }
      guard let value = rows.text(2) else { continue }
      if present?.id != id {
        finish()
        present = (id, result[id] ?? [:])
      }
      present?.parameters[Self.names[name] ?? name] = value
    }
    finish()
    return result
  }

  private mutating func readSubscriptions(
    _ rows: StatementRows, _ parameters: inout [Int: [String: String]]
  ) throws -> [Subscription] {
    var result: [Subscription] = []
    var topic = ""
    while try rows.next() {
      rows.hash(into: &hasher)
      guard let id = rows.integer(0) else {
        warn(nil, "a subscription whose id is no integer")
        continue
      }
      guard let found = rows.text(4), !found.isEmpty else {
        warn(id, "no message class, or one without a key")
        continue
      }
      if found != topic { topic = found }
      let own = parameters.removeValue(forKey: id) ?? [:]
      let receptionChannel = rows.text(3)
      if receptionChannel == nil && own["ReceptionUri"] == nil { warn(id, "reception_channel is NULL") }
      result.append(
        Subscription(
          id: id, topic: topic, topicID: rows.integer(1) ?? 0, subscriberID: rows.integer(2) ?? 0,
          receptionChannel: receptionChannel ?? "", parameters: own))
    }
    return result
  }

  /// Bounded: further kinds of damage are not told apart.
  private mutating func warn(_ subscription: Int?, _ problem: String) {
    if warnings.count < 100 { warnings.insert(RowWarning(subscription: subscription, problem: problem)) }
  }
}
