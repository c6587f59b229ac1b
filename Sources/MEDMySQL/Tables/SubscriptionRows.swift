import MEDCore

/// Writes rows into tables that may have more columns than ours, fewer, or others.
enum SubscriptionRows {
  typealias Values = [(column: String, value: MySQLValue)]

  static func exists(_ id: Int, _ handle: MySQLHandle) throws(StoreError) -> Bool {
    try handle.query("SELECT 1 FROM subscriptions WHERE subscription_id = ?", [.id(id)], columns: 1).next()
  }

  /// ` IN (…)`: the ids of a topic's rows. Keys are compared here, as a topic is its bytes.
  static func isOne(of topic: String, _ handle: MySQLHandle) throws(StoreError) -> String {
    let rows = try handle.query("SELECT class_id, class_key FROM message_classes", columns: 2)
    var ids: [String] = []
    while try rows.next() {
      if rows.text(1)?.utf8.elementsEqual(topic.utf8) == true, let id = rows.integer(0) { ids.append("\(id)") }
    }
    return "IN (\(ids.isEmpty ? "NULL" : ids.joined(separator: ", ")))"
  }

  /// The id of the row whose `key` is `value`, to the byte; the row is made if it isn't there.
  static func find(
    in table: StaticString, _ idColumn: StaticString, where key: StaticString, is value: String, _ handle: MySQLHandle,
    orInsert values: Values
  ) throws(StoreError) -> Int {
    let rows = try handle.query("SELECT \(idColumn), \(key) FROM \(table) WHERE \(key) = ?", [.text(value)], columns: 2)
    while try rows.next() {
      if rows.text(1)?.utf8.elementsEqual(value.utf8) == true, let id = rows.integer(0) { return id }
    }
    return try insert(into: table, idColumn: idColumn, values, handle)
  }

  /// Inserts those of `values` that the table has columns for. Times are unix seconds, also where a column is a date.
  /// - Returns: the row's id: given by the table if it gives ids, otherwise one above the greatest.
  static func insert(
    into table: StaticString, idColumn: StaticString, _ values: Values, _ handle: MySQLHandle
  ) throws(StoreError) -> Int {
    let columns = try TableColumn.read(of: table.description, handle)
    guard let ids = columns[idColumn.description] else {
      throw StoreError(
        .schema, columns.isEmpty ? "there is no table \(table)" : "table \(table) has no column \(idColumn)")
    }
    var values = values.filter { columns[$0.column] != nil }
    var id: Int?
    if !ids.givesIDs {
      id = try nextID(in: table, idColumn, handle)
      if let id { values.append((idColumn.description, .id(id))) }
    }
    let names = values.map(\.column).joined(separator: ", ")
    let marks = values.map { columns[$0.column]?.isTime == true ? "FROM_UNIXTIME(?)" : "?" }.joined(separator: ", ")
    let given = try handle.execute("INSERT INTO \(table) (\(names)) VALUES (\(marks))", values.map(\.value)).insertedID
    if let id { return id }
    guard let id = Int(exactly: given), id > 0 else {
      throw StoreError(.constraint, "table \(table) gave an id that can't be used: \(given)")
    }
    return id
  }

  static func nextID(
    in table: StaticString, _ idColumn: StaticString, _ handle: MySQLHandle
  ) throws(StoreError) -> Int {
    // With + 0, because as texts 9 is greater than 10.
    let rows = try handle.query("SELECT MAX(\(idColumn) + 0) FROM \(table)", columns: 1)
    guard try rows.next(), rows.text(0) != nil else { return 1 }
    guard let greatest = rows.integer(0), greatest < Int.max else {
      throw StoreError(.constraint, "\(table) has no id left")
    }
    return greatest + 1
  }

  /// Works with and without a unique key on (subscription_id, param_name).
  static func set(_ parameters: [String: String?], of id: Int, _ handle: MySQLHandle) throws(StoreError) {
    for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
      guard !name.isEmpty else { throw StoreError(.invalid, "a parameter needs a name") }
      guard let value else {
        try handle.execute(
          "DELETE FROM subscription_params WHERE subscription_id = ? AND param_name = ?", [.id(id), .text(name)])
        continue
      }
      let found = try handle.execute(
        "UPDATE subscription_params SET param_value = ? WHERE subscription_id = ? AND param_name = ?",
        [.text(value), .id(id), .text(name)]
      ).found
      if found > 0 { continue }
      try handle.execute(
        "INSERT INTO subscription_params (subscription_id, param_name, param_value) VALUES (?, ?, ?)",
        [.id(id), .text(name), .text(value)])
    }
  }
}
