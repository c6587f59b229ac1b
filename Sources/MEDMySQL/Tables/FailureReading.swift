import MEDCore

/// Reads `broadcast_failure_log` for people, in a table that may have more columns than ours, or fewer.
struct FailureReading {
  /// Of a row that is looked at alone: what a packet of the server may hold at most.
  private static let largestMessage = 1 << 30

  private let handle: MySQLHandle
  private let columns: [String: TableColumn]

  init(_ handle: MySQLHandle) throws(StoreError) {
    self.handle = handle
    columns = try TableColumn.read(of: FailureTable.name.description, handle)
    guard !columns.isEmpty else { throw StoreError(.schema, "there is no table \(FailureTable.name)") }
    guard columns["log_id"] != nil else {
      throw StoreError(.schema, "table \(FailureTable.name) has no column log_id")
    }
  }

  func page(_ query: FailureQuery, window: Int) throws(StoreError) -> FailurePage {
    let limit = min(max(query.limit, 1), FailureQuery.maximumLimit)
    let top = query.before ?? Int.max
    // The lowest row that is looked at; nil: all are.
    let lowest = try handle.query(
      "SELECT log_id FROM \(FailureTable.name) WHERE log_id < ? ORDER BY log_id DESC LIMIT 1 OFFSET ?",
      [.id(top), .id(max(window, 1) - 1)], columns: 1)
    let floor = try lowest.next() ? lowest.integer(0) : nil
    var conditions = ["f.log_id < ?", "f.log_id >= ?"]
    var values: [MySQLValue] = [.id(top), .id(floor ?? 0)]
    try filter(query, &conditions, &values)
    values.append(.id(limit))
    let rows = try handle.queryOnce(
      "\(select(listing: true)) WHERE \(conditions.joined(separator: " AND ")) ORDER BY f.log_id DESC LIMIT ?",
      values, columns: Column.allCases.count)
    var records: [FailureRecord] = []
    while try rows.next() { records.append(record(rows)) }
    return FailurePage(records: records, next: records.count == limit ? records.last?.id : floor)
  }

  func record(_ id: Int) throws(StoreError) -> FailureRecord? {
    let rows = try handle.queryOnce(
      "\(select(listing: false)) WHERE f.log_id = ?", [.id(id)], columns: Column.allCases.count,
      largestText: Self.largestMessage)
    return try rows.next() ? record(rows) : nil
  }

  private func filter(
    _ query: FailureQuery, _ conditions: inout [String], _ values: inout [MySQLValue]
  ) throws(StoreError) {
    if let subscription = query.subscription {
      conditions.append("\(expression(.subscription)) = ?")
      values.append(.id(subscription))
    }
    if let topic = query.topic {
      conditions.append("\(expression(.topicID)) \(try SubscriptionRows.isOne(of: topic, handle))")
    }
    let alive = "COALESCE(\(expression(.alive)), 0)"
    let status = "COALESCE(\(expression(.finalStatus)), 0)"
    switch query.state {
    case .open: conditions.append("\(alive) <> 0")
    case .delivered: conditions.append("\(alive) = 0 AND \(status) = 1")
    case .givenUp: conditions.append("\(alive) = 0 AND \(status) <> 1")
    case nil: break
    }
    if let from = query.from {
      conditions.append("\(expression(.time)) >= ?")
      values.append(.integer(from))
    }
    if let until = query.until {
      conditions.append("\(expression(.time)) < ?")
      values.append(.integer(until))
    }
  }

  // MARK: Columns

  private enum Column: String, CaseIterable {
    case id = "log_id"
    case subscription = "subscription_id"
    case topicID = "message_class_id"
    case subscriberID = "subscriber_id"
    case jobID = "job_id"
    case alive
    case finalStatus = "final_status"
    case time
    case messageTime = "message_time"
    case firstFailure = "first_failure_message"
    case lastFailure = "last_failure_message"
    case target = "last_target"
    case retryTimes = "retry_times"
    case lastRetryTime = "last_retry_time"
    case message = "message_body"
    /// Of the topic's row.
    case topic = "class_key"

    var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  private func select(listing isList: Bool) -> String {
    let selected = Column.allCases.map { column in
      switch column {
      case .topic: "m.class_key"
      case .message where isList: "NULL"
      case .firstFailure where isList, .lastFailure where isList:
        "SUBSTRING(\(expression(column)), 1, \(FailureRecord.listedTextLength))"
      default: expression(column)
      }
    }
    return """
      SELECT \(selected.joined(separator: ", ")) FROM \(FailureTable.name) f
      LEFT JOIN message_classes m ON m.class_id = \(expression(.topicID))
      """
  }

  /// Unix seconds also where a column is a date; NULL for a column that the table doesn't have.
  private func expression(_ column: Column) -> String {
    guard let found = columns[column.rawValue] else { return "NULL" }
    return found.isTime ? "UNIX_TIMESTAMP(f.\(column.rawValue))" : "f.\(column.rawValue)"
  }

  private func record(_ rows: MySQLRows) -> FailureRecord {
    func integer(_ column: Column) -> Int {
      rows.integer(column.place) ?? rows.real(column.place).flatMap { Int(exactly: $0.rounded(.towardZero)) } ?? 0
    }
    func text(_ column: Column) -> String { rows.text(column.place) ?? "" }
    var record = FailureRecord()
    record.id = integer(.id)
    record.subscription = integer(.subscription)
    record.topic = text(.topic)
    record.topicID = integer(.topicID)
    record.subscriberID = integer(.subscriberID)
    record.jobID = text(.jobID)
    record.state = .init(alive: integer(.alive), finalStatus: integer(.finalStatus))
    record.time = Int64(integer(.time))
    record.messageTime = rows.real(Column.messageTime.place) ?? 0
    record.firstFailure = text(.firstFailure)
    record.lastFailure = text(.lastFailure)
    record.target = text(.target)
    record.retryTimes = Int64(integer(.retryTimes))
    record.lastRetryTime = Int64(integer(.lastRetryTime))
    record.message = rows.text(Column.message.place)
    return record
  }
}
