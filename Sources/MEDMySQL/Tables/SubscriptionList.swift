import MEDCore

/// Subscriptions as tools show them, cancelled ones too.
enum SubscriptionList {
  /// All, or the one with that id.
  static func read(_ handle: MySQLHandle, id: Int?) throws(StoreError) -> [ListedSubscription] {
    let values = id.map { [MySQLValue.id($0)] } ?? []
    let rows = try handle.query(select + (id == nil ? "" : " WHERE s.subscription_id = ?"), values, columns: 6)
    let listed = try read(rows, handle).sorted { $0.subscription.id < $1.subscription.id }
    return try adding(listed, id == nil ? "" : " WHERE subscription_id = ?", values, handle)
  }

  /// - Parameter topic: its rows are found without regard to how the columns compare.
  static func page(
    _ handle: MySQLHandle, after id: Int, topic: String?, isCancelled: Bool?, limit: Int
  ) throws(StoreError) -> [ListedSubscription] {
    var conditions = ["s.subscription_id > ?"]
    if let topic { conditions.append("s.message_class_id \(try SubscriptionRows.isOne(of: topic, handle))") }
    if let isCancelled { conditions.append("COALESCE(s.status, 1) \(isCancelled ? "<>" : "=") 0") }
    // As texts 9 is greater than 10; as a number it is found by the table's index.
    let isText = try TableColumn.read(of: "subscriptions", handle)["subscription_id"]?.isText == true
    let rows = try handle.queryOnce(
      "\(select) WHERE \(conditions.joined(separator: " AND "))"
        + " ORDER BY s.subscription_id\(isText ? " + 0" : "") LIMIT ?",
      [.id(id), .id(limit)], columns: 6)
    let listed = try read(rows, handle)
    guard let first = listed.first?.subscription.id, let last = listed.last?.subscription.id else { return [] }
    // Ids of a page lie close together, unless a topic is asked for: then rows of others would be read for nothing.
    if topic == nil {
      return try adding(listed, " WHERE subscription_id BETWEEN ? AND ?", [.id(first), .id(last)], handle)
    }
    let marks = repeatElement("?", count: listed.count).joined(separator: ",")
    return try adding(
      listed, " WHERE subscription_id IN (\(marks))", listed.map { .id($0.subscription.id) }, handle)
  }

  private static let select = """
    SELECT s.subscription_id, s.message_class_id, s.subscriber_id, s.reception_channel, s.status, m.class_key
    FROM subscriptions s LEFT JOIN message_classes m ON m.class_id = s.message_class_id
    """

  /// Their parameters too.
  private static func adding(
    _ listed: [ListedSubscription], _ only: String, _ values: [MySQLValue], _ handle: MySQLHandle
  ) throws(StoreError) -> [ListedSubscription] {
    var parameters: [Int: [String: String]] = [:]
    let rows = try handle.queryOnce(
      "SELECT subscription_id, param_name, param_value FROM subscription_params\(only)", values, columns: 3)
    while try rows.next() {
      guard let id = rows.integer(0), let name = rows.text(1) else { continue }
      parameters[id, default: [:]][name] = rows.text(2)
    }
    var listed = listed
    for index in listed.indices {
      guard let own = parameters[listed[index].subscription.id] else { continue }
      listed[index].subscription = listed[index].subscription.with(parameters: own)
    }
    return listed
  }

  private static func read(_ rows: MySQLRows, _ handle: MySQLHandle) throws(StoreError) -> [ListedSubscription] {
    let names = try subscribers(handle)
    var result: [ListedSubscription] = []
    while try rows.next() {
      guard let id = rows.integer(0) else { continue }
      let subscriber = rows.integer(2) ?? 0
      result.append(
        ListedSubscription(
          subscription: Subscription(
            id: id, topic: rows.text(5) ?? "", topicID: rows.integer(1) ?? 0, subscriberID: subscriber,
            receptionChannel: rows.text(3) ?? ""),
          subscriber: names[subscriber] ?? "", status: rows.integer(4) ?? 1))
    }
    return result
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
