import GRDB
import MEDCore

/// Writes rows into tables that may have more columns than ours, fewer, or others.
enum SubscriptionRows {
  typealias Values = [(column: String, value: any DatabaseValueConvertible)]

  static func exists(_ id: Int, _ database: Database) throws -> Bool {
    try Int.fetchOne(database, sql: "SELECT 1 FROM subscriptions WHERE subscription_id = ?", arguments: [id]) != nil
  }

  /// The id of the row whose `key` is `value`; the row is made if it isn't there.
  static func find(
    in table: String, _ idColumn: String, where key: String, is value: String, _ database: Database,
    orInsert values: Values
  ) throws -> Int {
    let rows = try StatementRows(database, "SELECT \(idColumn) FROM \(table) WHERE \(key) = ? LIMIT 1", [value])
    if try rows.next(), let id = rows.integer(0) { return id }
    return try insert(into: table, idColumn: idColumn, values, database)
  }

  /// Inserts those of `values` that the table has columns for.
  /// - Returns: the row's id: given by the table if it gives ids, otherwise one above the greatest.
  static func insert(
    into table: String, idColumn: String, _ values: Values, _ database: Database
  ) throws -> Int {
    let columns = try database.columns(in: table)
    let present = Set(columns.map { $0.name.lowercased() })
    var values = values.filter { present.contains($0.column) }
    let keys = columns.filter { $0.primaryKeyIndex > 0 }
    let givesIDs = keys.count == 1 && keys[0].name.lowercased() == idColumn && keys[0].type.uppercased() == "INTEGER"
    var id: Int?
    if !givesIDs {
      let rows = try StatementRows(database, "SELECT MAX(CAST(\(idColumn) AS INTEGER)) FROM \(table)")
      let greatest = try rows.next() ? rows.integer(0) ?? 0 : 0
      guard greatest < Int.max else { throw StoreError(.constraint, "\(table) has no id left") }
      id = greatest + 1
      values.append((idColumn, greatest + 1))
    }
    let names = values.map(\.column).joined(separator: ", ")
    let marks = values.map { _ in "?" }.joined(separator: ", ")
    try database.execute(
      sql: "INSERT INTO \(table) (\(names)) VALUES (\(marks))", arguments: StatementArguments(values.map(\.value)))
    return id ?? Int(database.lastInsertedRowID)
  }

  /// Works with and without a unique key on (subscription_id, param_name).
  static func set(_ parameters: [String: String?], of id: Int, _ database: Database) throws {
    for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
      guard !name.isEmpty else { throw StoreError(.invalid, "a parameter needs a name") }
      let key: StatementArguments = [id, name]
      guard let value else {
        try database.execute(
          sql: "DELETE FROM subscription_params WHERE subscription_id = ? AND param_name = ?", arguments: key)
        continue
      }
      try database.execute(
        sql: "UPDATE subscription_params SET param_value = ? WHERE subscription_id = ? AND param_name = ?",
        arguments: [value, id, name])
      if database.changesCount > 0 { continue }
      try database.execute(
        sql: "INSERT INTO subscription_params (subscription_id, param_name, param_value) VALUES (?, ?, ?)",
        arguments: [id, name, value])
    }
  }
}

/// Subscriptions as tools show them, cancelled ones too.
enum SubscriptionList {
  /// All, or the one with that id.
  static func read(_ database: Database, id: Int?) throws -> [ListedSubscription] {
    let only = id.map { " WHERE s.subscription_id = \($0)" } ?? ""
    let listed = try read(StatementRows(database, select + only + " ORDER BY s.subscription_id"), database)
    return try adding(listed, id.map { " WHERE subscription_id = \($0)" } ?? "", database)
  }

  static func page(
    _ database: Database, after id: Int, topic: String?, isCancelled: Bool?, limit: Int
  ) throws -> [ListedSubscription] {
    var conditions = ["s.subscription_id > ?"]
    var arguments: [any DatabaseValueConvertible] = [id]
    if let topic {
      conditions.append("m.class_key = ?")
      arguments.append(topic)
    }
    if let isCancelled { conditions.append("CAST(s.status AS INTEGER) \(isCancelled ? "<>" : "=") 0") }
    arguments.append(limit)
    let listed = try read(
      StatementRows(
        database, select + " WHERE \(conditions.joined(separator: " AND ")) ORDER BY s.subscription_id LIMIT ?",
        StatementArguments(arguments)), database)
    guard let first = listed.first?.subscription.id, let last = listed.last?.subscription.id else { return [] }
    // Ids of a page lie close together, unless a topic is asked for: then rows of others would be read for nothing.
    return try adding(
      listed,
      topic == nil
        ? " WHERE subscription_id BETWEEN \(first) AND \(last)"
        : " WHERE subscription_id IN (\(listed.map { "\($0.subscription.id)" }.joined(separator: ",")))", database)
  }

  private static let select = """
    SELECT s.subscription_id, s.message_class_id, s.subscriber_id, s.reception_channel, s.status, m.class_key
    FROM subscriptions s LEFT JOIN message_classes m ON m.class_id = s.message_class_id
    """

  /// Their parameters too.
  private static func adding(
    _ listed: [ListedSubscription], _ only: String, _ database: Database
  ) throws -> [ListedSubscription] {
    var parameters: [Int: [String: String]] = [:]
    let rows = try StatementRows(
      database, "SELECT subscription_id, param_name, param_value FROM subscription_params\(only)")
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

  private static func read(_ rows: StatementRows, _ database: Database) throws -> [ListedSubscription] {
    let names = try subscribers(database)
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
  private static func subscribers(_ database: Database) throws -> [Int: String] {
    guard try database.tableExists("subscribers") || database.viewExists("subscribers") else { return [:] }
    let columns = try database.columns(in: "subscribers").map { $0.name.lowercased() }
    guard columns.contains("subscriber_id"), columns.contains("subscriber_key") else { return [:] }
    let rows = try StatementRows(database, "SELECT subscriber_id, subscriber_key FROM subscribers")
    var result: [Int: String] = [:]
    while try rows.next() {
      if let id = rows.integer(0) { result[id] = rows.text(1) }
    }
    return result
  }
}
