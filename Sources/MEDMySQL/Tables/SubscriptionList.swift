import MEDCore

/// All subscriptions, cancelled ones too, as tools show them.
enum SubscriptionList {
  /// - Parameter id: of the one that is asked for; nil: all.
  static func read(_ handle: MySQLHandle, id: Int?) throws(StoreError) -> [ListedSubscription] {
    let only = id == nil ? "" : "WHERE subscription_id = ?"
    let values = id.map { [MySQLValue.id($0)] } ?? []
    var parameters: [Int: [String: String]] = [:]
    let parameterRows = try handle.query(
      "SELECT subscription_id, param_name, param_value FROM subscription_params \(only)", values, columns: 3)
    while try parameterRows.next() {
      guard let id = parameterRows.integer(0), let name = parameterRows.text(1) else { continue }
      parameters[id, default: [:]][name] = parameterRows.text(2)
    }

    let names = try subscribers(handle)
    let rows = try handle.query(
      """
      SELECT s.subscription_id, s.message_class_id, s.subscriber_id, s.reception_channel, s.status, m.class_key
      FROM subscriptions s LEFT JOIN message_classes m ON m.class_id = s.message_class_id
      \(id == nil ? "" : "WHERE s.subscription_id = ?")
      """, values, columns: 6)
    var result: [ListedSubscription] = []
    while try rows.next() {
      guard let id = rows.integer(0) else { continue }
      let subscriber = rows.integer(2) ?? 0
      result.append(
        ListedSubscription(
          subscription: Subscription(
            id: id, topic: rows.text(5) ?? "", topicID: rows.integer(1) ?? 0, subscriberID: subscriber,
            receptionChannel: rows.text(3) ?? "", parameters: parameters[id] ?? [:]),
          subscriber: names[subscriber] ?? "", status: rows.integer(4) ?? 1))
    }
    return result.sorted { $0.subscription.id < $1.subscription.id }
  }

  /// Dispatching needs no table of subscribers, so a database may do without.
  private static func subscribers(_ handle: MySQLHandle) throws(StoreError) -> [Int: String] {
    let columns = try TableColumn.read(of: "subscribers", handle)
    guard columns["subscriber_id"] != nil, columns["subscriber_key"] != nil else { return [:] }
    let rows = try handle.query("SELECT subscriber_id, subscriber_key FROM subscribers", columns: 2)
    var result: [Int: String] = [:]
    while try rows.next() {
      if let id = rows.integer(0) { result[id] = rows.text(1) }
    }
    return result
  }
}
