import GRDB
import Logging
import MEDCore

extension SQLiteStore: FailureLog {
  /// One transaction. What the table has no column for is left out; `log_id` and `job_id` it must have.
  public func write(_ entries: [FailureEntry]) async throws(StoreError) -> [Int] {
    if await !failures.isOpen { try await writer.open() }
    return try await failures.writeFailures(entries)
  }
}

extension SQLiteConnection {
  func writeFailures(_ entries: [FailureEntry]) throws(StoreError) -> [Int] {
    if entries.isEmpty { return [] }
    let warns = !hasWarnedOfFailureTable
    let (ids, isSlow) = try write { database throws -> ([Int], Bool) in
      var rows = try FailureRows(database)
      var ids: [Int] = []
      ids.reserveCapacity(entries.count)
      for entry in entries { ids.append(try rows.write(entry)) }
      return (ids, try warns && !rows.hasIndex())
    }
    if warns {
      hasWarnedOfFailureTable = true
      if isSlow {
        logger.warning(
          "broadcast_failure_log has no index on (subscription_id, job_id): each new row is looked for in all",
          metadata: ["path": "\(path)"])
      }
    }
    return ids
  }
}

/// The rows of `broadcast_failure_log` in one transaction, in a table that may have more columns than ours, or fewer.
struct FailureRows {
  private static let table = "broadcast_failure_log"

  private let database: Database
  private let columns: Set<String>
  /// Whether the table gives ids itself.
  private let givesIDs: Bool
  /// `subscription_id = ? AND job_id = ?`, or what of it there is.
  private let key: String
  private let hasSubscription: Bool
  private var greatestID: Int?

  init(_ database: Database) throws {
    self.database = database
    guard try database.tableExists(Self.table) || database.viewExists(Self.table) else {
      throw StoreError(.schema, "there is no table \(Self.table)")
    }
    let found = try database.columns(in: Self.table)
    columns = Set(found.map { $0.name.lowercased() })
    for needed in ["log_id", "job_id"] where !columns.contains(needed) {
      throw StoreError(.schema, "table \(Self.table) has no column \(needed)")
    }
    let keys = found.filter { $0.primaryKeyIndex > 0 }
    givesIDs = keys.count == 1 && keys[0].name.lowercased() == "log_id" && keys[0].type.uppercased() == "INTEGER"
    // A jobid names its subscription too.
    hasSubscription = columns.contains("subscription_id")
    key = hasSubscription ? "subscription_id = ? AND job_id = ?" : "job_id = ?"
  }

  /// - Returns: the id of the entry's row.
  mutating func write(_ entry: FailureEntry) throws -> Int {
    if entry.logID > 0, let id = Int(exactly: entry.logID), try update(id, entry) { return id }
    if let id = try find(entry) {
      _ = try update(id, entry)
      return id
    }
    return try insert(entry)
  }

  func hasIndex() throws -> Bool {
    guard try database.tableExists(Self.table) else { return true }
    return try database.indexes(on: Self.table).contains { index in
      guard let first = index.columns.first?.lowercased() else { return false }
      return first == "job_id"
        || first == "subscription_id" && index.columns.dropFirst().first?.lowercased() == "job_id"
    }
  }

  private func keyArguments(_ entry: FailureEntry) -> [any DatabaseValueConvertible] {
    hasSubscription ? [entry.subscription, entry.jobID] : [entry.jobID]
  }

  private func find(_ entry: FailureEntry) throws -> Int? {
    let statement = try database.cachedStatement(
      sql: "SELECT CAST(log_id AS INTEGER) FROM \(Self.table) WHERE \(key) ORDER BY log_id LIMIT 1")
    return try Int.fetchOne(statement, arguments: StatementArguments(keyArguments(entry)))
  }

  /// - Returns: whether there is such a row, of the same message.
  private func update(_ id: Int, _ entry: FailureEntry) throws -> Bool {
    let values = changes(entry).filter { columns.contains($0.column) }
    let place = keyArguments(entry) + [id]
    guard !values.isEmpty else {
      let statement = try database.cachedStatement(sql: "SELECT 1 FROM \(Self.table) WHERE \(key) AND log_id = ?")
      return try Int.fetchOne(statement, arguments: StatementArguments(place)) != nil
    }
    let assignments = values.map { "\($0.column) = ?" }.joined(separator: ", ")
    let statement = try database.cachedStatement(
      sql: "UPDATE \(Self.table) SET \(assignments) WHERE \(key) AND log_id = ?")
    try statement.execute(arguments: StatementArguments(values.map(\.value) + place))
    return database.changesCount > 0
  }

  private func changes(_ entry: FailureEntry) -> SubscriptionRows.Values {
    var values: SubscriptionRows.Values = [
      ("alive", entry.end == nil ? 1 : 0), ("final_status", Int(entry.end?.rawValue ?? 0)),
    ]
    if let text = entry.lastFailure { values.append(("last_failure_message", text)) }
    if !entry.lastTarget.isEmpty { values.append(("last_target", entry.lastTarget)) }
    if entry.lastRetryTime > 0 {
      values.append(("retry_times", Int64(clamping: entry.retryTimes)))
      values.append(("last_retry_time", entry.lastRetryTime))
    }
    return values
  }

  private mutating func insert(_ entry: FailureEntry) throws -> Int {
    var values: SubscriptionRows.Values = [
      ("message_class_id", entry.topicID), ("subscriber_id", entry.subscriberID),
      ("subscription_id", entry.subscription), ("message_body", entry.body), ("time", entry.time),
      ("message_time", entry.messageTime), ("first_failure_message", entry.firstFailure ?? ""),
      ("last_failure_message", entry.lastFailure ?? ""), ("last_target", entry.lastTarget), ("job_id", entry.jobID),
      ("retry_times", Int64(clamping: entry.retryTimes)), ("last_retry_time", entry.lastRetryTime),
      ("final_status", Int(entry.end?.rawValue ?? 0)), ("alive", entry.end == nil ? 1 : 0),
    ].filter { columns.contains($0.column) }
    var id: Int?
    if !givesIDs {
      let greatest =
        try greatestID ?? Int.fetchOne(
          database, sql: "SELECT MAX(CAST(log_id AS INTEGER)) FROM \(Self.table)") ?? 0
      guard greatest < Int.max else { throw StoreError(.constraint, "\(Self.table) has no id left") }
      id = greatest + 1
      greatestID = id
      values.append(("log_id", greatest + 1))
    }
    let names = values.map(\.column).joined(separator: ", ")
    let marks = values.map { _ in "?" }.joined(separator: ", ")
    let statement = try database.cachedStatement(sql: "INSERT INTO \(Self.table) (\(names)) VALUES (\(marks))")
    try statement.execute(arguments: StatementArguments(values.map(\.value)))
    return id ?? Int(database.lastInsertedRowID)
  }
}
