import MEDCore

/// A row that can't be used, and is passed over.
struct RowWarning: Hashable, Sendable {
  let subscription: Int?
  let problem: String
}

/// Reads subscriptions with their parameters: one statement, however many there are, and so one moment.
struct SubscriptionReader {
  /// A row is either of them: its first column says which. Each column comes from one table alone, so that types and
  /// character sets of tables made by others needn't agree.
  private static let subscription = """
    SELECT 0, s.subscription_id, s.message_class_id, s.subscriber_id, s.reception_channel, m.class_key, NULL, NULL, NULL
    """
  private static let parameter = """
    SELECT 1, NULL, NULL, NULL, NULL, NULL, p.subscription_id, p.param_name, p.param_value
    """
  private static let live = """
    \(subscription) FROM subscriptions s LEFT JOIN message_classes m ON m.class_id = s.message_class_id
    WHERE s.status = 0
    UNION ALL \(parameter) FROM subscription_params p
    """
  private static let ofTopic = """
    message_classes m JOIN subscriptions s ON s.message_class_id = m.class_id
    """
  private static let liveOfTopic = """
    \(subscription) FROM \(ofTopic) WHERE m.class_key = ? AND s.status = 0
    UNION ALL \(parameter) FROM \(ofTopic) JOIN subscription_params p ON p.subscription_id = s.subscription_id
    WHERE m.class_key = ? AND s.status = 0
    """
  private static let columns = 9

  /// Names are written once, not once per row.
  private static let names = Dictionary(uniqueKeysWithValues: ParameterName.allCases.map { ($0.rawValue, $0.rawValue) })

  private(set) var warnings: Set<RowWarning> = []
  private var parameters: [Int: [String: String]] = [:]
  private var found: [(subscription: Subscription, hasChannel: Bool)] = []
  private var topic = ""

  /// All live subscriptions.
  static func all(_ handle: MySQLHandle) throws(StoreError) -> MySQLRows { try handle.query(live, columns: columns) }

  /// Equal as long as the same rows come in the same order. Makes no objects.
  static func fingerprint(_ rows: MySQLRows) throws(StoreError) -> Int {
    var hasher = Hasher()
    while try rows.next() { rows.hash(into: &hasher) }
    return hasher.finalize()
  }

  static func subscriptions(ofTopic topic: String, _ handle: MySQLHandle) throws(StoreError) -> [Subscription] {
    var reader = SubscriptionReader()
    let read: [Subscription]
    do throws(StoreError) {
      read = try reader.read(handle.query(liveOfTopic, [.text(topic), .text(topic)], columns: columns))
    } catch {
      // The column's character set doesn't have the topic's, or other columns don't agree: only the rows can tell.
      guard error.server?.isIllegalMixOfCollations == true else { throw error }
      reader = SubscriptionReader()
      read = try reader.read(all(handle))
    }
    // A column may compare without regard to case; a topic is its bytes.
    return read.filter { $0.topic.utf8.elementsEqual(topic.utf8) }
  }

  mutating func read(_ rows: MySQLRows) throws(StoreError) -> [Subscription] {
    while try rows.next() {
      switch rows.integer(0) {
      case 0: readSubscription(rows)
      default: readParameter(rows)
      }
    }
    var previous: [String: String] = [:]
    let all = found.sorted { $0.subscription.id < $1.subscription.id }.map { item in
      var own = parameters[item.subscription.id] ?? [:]
      // Many subscriptions have the same ones: they share them.
      if own == previous { own = previous } else { previous = own }
      if !item.hasChannel, own["ReceptionUri"] == nil { warn(item.subscription.id, "reception_channel is NULL") }
      return own.isEmpty ? item.subscription : item.subscription.with(parameters: own)
    }
    found = []
    parameters = [:]
    return all
  }

  private mutating func readSubscription(_ rows: MySQLRows) {
    guard let id = rows.integer(1) else { return warn(nil, "a subscription whose id is no integer of 64 bits") }
    guard !rows.isOversized else { return warn(id, Self.tooLong) }
    guard let key = rows.text(5), !key.isEmpty else { return warn(id, "no message class, or one without a key") }
    if key != topic { topic = key }
    let channel = rows.text(4)
    found.append(
      (
        Subscription(
          id: id, topic: topic, topicID: rows.integer(2) ?? 0, subscriberID: rows.integer(3) ?? 0,
          receptionChannel: channel ?? ""), channel != nil
      ))
  }

  private mutating func readParameter(_ rows: MySQLRows) {
    guard let id = rows.integer(6), let name = rows.text(7), !name.isEmpty else {
      return warn(rows.integer(6), "a parameter without subscription id or name")
    }
    guard !rows.isOversized else { return warn(id, Self.tooLong) }
    guard let value = rows.text(8) else { return }
    parameters[id, default: [:]][Self.names[name] ?? name] = value
  }

  private static let tooLong = "a text of more than \(ResultBuffers.largestText) bytes"

  /// Bounded: further kinds of damage are not told apart.
  private mutating func warn(_ subscription: Int?, _ problem: String) {
    if warnings.count < 100 { warnings.insert(RowWarning(subscription: subscription, problem: problem)) }
  }
}
