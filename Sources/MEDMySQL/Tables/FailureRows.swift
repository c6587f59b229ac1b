import MEDCore

/// The rows of `broadcast_failure_log` in one transaction.
struct FailureRows {
  private struct Key: Hashable {
    let subscription: Int
    let jobID: String
  }

  /// Keys that one statement looks for: few different statements, and most batches need one of them once.
  private static let sizes = [1, 16, 128, 512]

  private let table: FailureTable
  private let handle: MySQLHandle
  /// Whether rows that a transaction of somebody else has inserted are waited for.
  private let locks: Bool
  private var known: [Key: Int] = [:]
  private var greatestID: Int?

  init(_ table: FailureTable, _ handle: MySQLHandle, locks: Bool) {
    self.table = table
    self.handle = handle
    self.locks = locks
  }

  /// - Returns: the id of each entry's row.
  mutating func write(_ entries: [FailureEntry]) throws(StoreError) -> [Int] {
    try find(entries.filter { $0.logID == 0 }.map(key))
    var ids: [Int] = []
    ids.reserveCapacity(entries.count)
    for entry in entries { ids.append(try write(entry)) }
    return ids
  }

  private mutating func write(_ entry: FailureEntry) throws(StoreError) -> Int {
    let key = key(entry)
    if entry.logID > 0 {
      if let id = Int(exactly: entry.logID), try update(id, entry, key) { return id }
      if known[key] == nil { try find([key]) }
    }
    if let id = known[key] {
      _ = try update(id, entry, key)
      return id
    }
    let id = try insert(entry, key)
    known[key] = id
    return id
  }

  private func key(_ entry: FailureEntry) -> Key {
    Key(subscription: table.hasSubscription ? entry.subscription : 0, jobID: table.jobID(entry.jobID))
  }

  private func values(_ key: Key) -> [MySQLValue] {
    table.hasSubscription ? [.id(key.subscription), .text(key.jobID)] : [.text(key.jobID)]
  }

  private var condition: String { table.hasSubscription ? "subscription_id = ? AND job_id = ?" : "job_id = ?" }

  // MARK: Statements

  /// Looks for the rows of many messages with one statement.
  private mutating func find(_ keys: [Key]) throws(StoreError) {
    var rest = Array(Set(keys))[...]
    while let last = rest.last {
      let size = Self.sizes.first { $0 >= rest.count } ?? Self.sizes[Self.sizes.count - 1]
      var batch = Array(rest.prefix(size))
      rest = rest.dropFirst(size)
      batch += Array(repeating: last, count: size - batch.count)
      let conditions = Array(repeating: "(\(condition))", count: size).joined(separator: " OR ")
      let subscription = table.hasSubscription ? "subscription_id" : "0"
      let rows = try handle.query(
        "SELECT log_id, \(subscription), job_id FROM \(FailureTable.name) WHERE \(conditions)"
          + (locks ? " FOR UPDATE" : ""),
        batch.flatMap(values), columns: 3)
      while try rows.next() {
        guard let subscription = rows.integer(1), let jobID = rows.text(2) else { continue }
        guard let id = rows.integer(0) else {
          throw StoreError(.constraint, "\(FailureTable.name) has a log_id that is no integer of 64 bits")
        }
        let key = Key(subscription: subscription, jobID: jobID)
        known[key] = min(known[key] ?? id, id)
      }
    }
  }

  /// - Returns: whether there is such a row, of the same message.
  private func update(_ id: Int, _ entry: FailureEntry, _ key: Key) throws(StoreError) -> Bool {
    let changes = changes(entry).compactMap { table.assignment($0.0, $0.1) }
    let place = values(key) + [.id(id)]
    guard !changes.isEmpty else {
      return try handle.query(
        "SELECT 1 FROM \(FailureTable.name) WHERE \(condition) AND log_id = ?", place, columns: 1
      ).next()
    }
    let assignments = changes.map { "\($0.column) = \($0.mark)" }.joined(separator: ", ")
    return try handle.execute(
      "UPDATE \(FailureTable.name) SET \(assignments) WHERE \(condition) AND log_id = ?",
      changes.map(\.value) + place
    ).found > 0
  }

  private func changes(_ entry: FailureEntry) -> [(String, FailureValue)] {
    var changes: [(String, FailureValue)] = [
      ("alive", .number(entry.end == nil ? 1 : 0)), ("final_status", .number(Int64(entry.end?.rawValue ?? 0))),
    ]
    if let text = entry.lastFailure { changes.append(("last_failure_message", .text(text))) }
    if !entry.lastTarget.isEmpty { changes.append(("last_target", .text(entry.lastTarget))) }
    if entry.lastRetryTime > 0 {
      changes.append(("retry_times", .number(Int64(clamping: entry.retryTimes))))
      changes.append(("last_retry_time", .time(Double(entry.lastRetryTime))))
    }
    return changes
  }

  private mutating func insert(_ entry: FailureEntry, _ key: Key) throws(StoreError) -> Int {
    let all: [(String, FailureValue)] = [
      ("message_class_id", .number(Int64(entry.topicID))), ("subscriber_id", .number(Int64(entry.subscriberID))),
      ("message_body", .body(entry.body)), ("time", .time(Double(entry.time))),
      ("message_time", .time(entry.messageTime)), ("first_failure_message", .text(entry.firstFailure ?? "")),
      ("last_failure_message", .text(entry.lastFailure ?? "")), ("last_target", .text(entry.lastTarget)),
      ("retry_times", .number(Int64(clamping: entry.retryTimes))),
      ("last_retry_time", .time(Double(entry.lastRetryTime))),
      ("final_status", .number(Int64(entry.end?.rawValue ?? 0))), ("alive", .number(entry.end == nil ? 1 : 0)),
    ]
    var values = all.compactMap { table.assignment($0.0, $0.1) }
    // What it is found by goes in as it is, or not at all.
    if table.hasSubscription { values.append(("subscription_id", "?", .id(key.subscription))) }
    values.append(("job_id", "?", .text(key.jobID)))
    var id: Int?
    if !table.givesIDs {
      let next: Int
      if let greatestID {
        guard greatestID < Int.max else { throw StoreError(.constraint, "\(FailureTable.name) has no id left") }
        next = greatestID + 1
      } else {
        next = try SubscriptionRows.nextID(in: FailureTable.name, "log_id", handle)
      }
      greatestID = next
      id = next
      values.append(("log_id", "?", .id(next)))
    }
    let names = values.map(\.column).joined(separator: ", ")
    let marks = values.map(\.mark).joined(separator: ", ")
    let given = try handle.execute(
      "INSERT INTO \(FailureTable.name) (\(names)) VALUES (\(marks))", values.map(\.value)
    ).insertedID
    if let id { return id }
    guard let id = Int(exactly: given), id > 0 else {
      throw StoreError(.constraint, "\(FailureTable.name) gave a log_id that can't be used: \(given)")
    }
    return id
  }
}
