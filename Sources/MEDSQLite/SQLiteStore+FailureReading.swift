import GRDB
import MEDCore

extension SQLiteStore: FailureLogReader {
  /// Reads down the primary key, over the connection for tools.
  public func failures(_ query: FailureQuery) async throws(StoreError) -> FailurePage {
    try await writer.read { try FailureReading($0).page(query, window: FailureQuery.window) }
  }

  /// One row.
  public func failure(_ id: Int) async throws(StoreError) -> FailureRecord? {
    try await writer.read { try FailureReading($0).record(id) }
  }
}

/// Reads `broadcast_failure_log`, in a table that may have more columns than ours, or fewer.
struct FailureReading {
  private static let table = "broadcast_failure_log"

  private let database: Database
  private let columns: Set<String>

  init(_ database: Database) throws {
    self.database = database
    guard try database.tableExists(Self.table) || database.viewExists(Self.table) else {
      throw StoreError(.schema, "there is no table \(Self.table)")
    }
    columns = Set(try database.columns(in: Self.table).map { $0.name.lowercased() })
    guard columns.contains("log_id") else { throw StoreError(.schema, "table \(Self.table) has no column log_id") }
  }

  func page(_ query: FailureQuery, window: Int) throws -> FailurePage {
    let limit = min(max(query.limit, 1), FailureQuery.maximumLimit)
    let top = query.before ?? Int.max
    // The lowest row that is looked at; nil: all are.
    let floor = try Int.fetchOne(
      database, sql: "SELECT log_id FROM \(Self.table) WHERE log_id < ? ORDER BY log_id DESC LIMIT 1 OFFSET ?",
      arguments: [top, max(window, 1) - 1])
    var conditions = ["f.log_id < ?", "f.log_id >= ?"]
    var arguments: [any DatabaseValueConvertible] = [top, floor ?? Int.min]
    try filter(query, &conditions, &arguments)
    arguments.append(limit)
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT \(selection(cut: FailureRecord.listedTextLength)), NULL AS message_body
        FROM \(Self.table) f LEFT JOIN message_classes m ON m.class_id = \(column("message_class_id"))
        WHERE \(conditions.joined(separator: " AND ")) ORDER BY f.log_id DESC LIMIT ?
        """, arguments: StatementArguments(arguments))
    let records = rows.map(Self.record)
    return FailurePage(records: records, next: records.count == limit ? records.last?.id : floor)
  }

  func record(_ id: Int) throws -> FailureRecord? {
    let row = try Row.fetchOne(
      database,
      sql: """
        SELECT \(selection(cut: nil)), \(column("message_body")) AS message_body
        FROM \(Self.table) f LEFT JOIN message_classes m ON m.class_id = \(column("message_class_id"))
        WHERE f.log_id = ?
        """, arguments: [id])
    return row.map(Self.record)
  }

  private func filter(
    _ query: FailureQuery, _ conditions: inout [String], _ arguments: inout [any DatabaseValueConvertible]
  ) throws {
    if let subscription = query.subscription {
      conditions.append("\(column("subscription_id")) = ?")
      arguments.append(subscription)
    }
    if let topic = query.topic {
      conditions.append("m.class_key = ?")
      arguments.append(topic)
    }
    let alive = "COALESCE(\(column("alive")), 0)"
    let status = "COALESCE(\(column("final_status")), 0)"
    switch query.state {
    case .open: conditions.append("\(alive) <> 0")
    case .delivered: conditions.append("\(alive) = 0 AND \(status) = 1")
    case .givenUp: conditions.append("\(alive) = 0 AND \(status) <> 1")
    case nil: break
    }
    if let from = query.from {
      conditions.append("\(column("time")) >= ?")
      arguments.append(from)
    }
    if let until = query.until {
      conditions.append("\(column("time")) < ?")
      arguments.append(until)
    }
  }

  private func column(_ name: String) -> String { columns.contains(name) ? "f.\(name)" : "NULL" }

  private func selection(cut: Int?) -> String {
    let texts = ["first_failure_message", "last_failure_message"].map { name in
      cut.map { "substr(\(column(name)), 1, \($0)) AS \(name)" } ?? "\(column(name)) AS \(name)"
    }
    let others = [
      "log_id", "subscription_id", "message_class_id", "subscriber_id", "job_id", "alive", "final_status", "time",
      "message_time", "last_target", "retry_times", "last_retry_time",
    ].map { "\(column($0)) AS \($0)" }
    return (others + texts + ["m.class_key AS class_key"]).joined(separator: ", ")
  }

  private static func record(_ row: Row) -> FailureRecord {
    var record = FailureRecord()
    record.id = Int(integer(row, "log_id"))
    record.subscription = Int(integer(row, "subscription_id"))
    record.topic = text(row, "class_key") ?? ""
    record.topicID = Int(integer(row, "message_class_id"))
    record.subscriberID = Int(integer(row, "subscriber_id"))
    record.jobID = text(row, "job_id") ?? ""
    record.state = .init(alive: Int(integer(row, "alive")), finalStatus: Int(integer(row, "final_status")))
    record.time = integer(row, "time")
    record.messageTime = real(row, "message_time")
    record.firstFailure = text(row, "first_failure_message") ?? ""
    record.lastFailure = text(row, "last_failure_message") ?? ""
    record.target = text(row, "last_target") ?? ""
    record.retryTimes = integer(row, "retry_times")
    record.lastRetryTime = integer(row, "last_retry_time")
    record.message = text(row, "message_body")
    return record
  }

  // MARK: Values as what they can be read as, whatever type a table made by hand gives them

  private static func integer(_ row: Row, _ name: String) -> Int64 {
    switch value(row, name) {
    case .int64(let number): number
    case .double(let number): Int64(exactly: number.rounded(.towardZero)) ?? 0
    case .string(let text): Int64(text) ?? 0
    default: 0
    }
  }

  private static func real(_ row: Row, _ name: String) -> Double {
    switch value(row, name) {
    case .int64(let number): Double(number)
    case .double(let number): number
    case .string(let text): Double(text) ?? 0
    default: 0
    }
  }

  private static func text(_ row: Row, _ name: String) -> String? {
    switch value(row, name) {
    case .int64(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text): text
    case .blob(let data): String(decoding: data, as: UTF8.self)
    case .null: nil
    }
  }

  private static func value(_ row: Row, _ name: String) -> DatabaseValue.Storage {
    (row[name] as DatabaseValue? ?? .null).storage
  }
}
