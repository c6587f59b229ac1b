import Logging
import MEDCore

extension MySQLStore: FailureLog {
  /// One transaction. What the table has no column for is left out, texts are cut to what their columns hold, and a body
  /// that doesn't fit is `null`; `log_id` and `job_id` the table must have.
  public func write(_ entries: [FailureEntry]) async throws(StoreError) -> [Int] {
    try await failures.writeFailures(entries)
  }
}

extension MySQLConnection {
  func writeFailures(_ entries: [FailureEntry]) throws(StoreError) -> [Int] {
    if entries.isEmpty { return [] }
    let ids: [Int]
    do throws(StoreError) {
      ids = try writeRows(entries, isASCII: false)
    } catch {
      guard error.server?.isUnknownCharacter == true else { throw error }
      ids = try writeRows(entries, isASCII: true)
    }
    if !hasWarnedOfFailureTable { warnOfFailureTable() }
    return ids
  }

  private func writeRows(_ entries: [FailureEntry], isASCII: Bool) throws(StoreError) -> [Int] {
    do throws(StoreError) {
      let ids = try write { handle throws(StoreError) in
        var table = try knownFailureTable(handle)
        table.isASCII = isASCII
        var rows = FailureRows(table, handle, locks: hasLostTransaction)
        return try rows.write(entries)
      }
      hasLostTransaction = false
      return ids
    } catch {
      // A server that hangs may yet commit what it had got: until then its rows are there for those alone who wait for
      // their locks. Otherwise nothing is locked, since dispatchers that share a table would get into each other's way.
      if error.code == .unavailable { hasLostTransaction = true }
      // Maybe the table isn't any more what it was.
      failureTable = nil
      throw error
    }
  }

  private func knownFailureTable(_ handle: MySQLHandle) throws(StoreError) -> FailureTable {
    if let failureTable { return failureTable }
    let table = try FailureTable(handle)
    failureTable = table
    return table
  }

  private func warnOfFailureTable() {
    // What can't be found out is no reason to fail: the rows are written.
    guard
      let hasIndex = try? read({ handle throws(StoreError) in try FailureTable.hasIndex(handle) })
    else { return }
    hasWarnedOfFailureTable = true
    if !hasIndex {
      logger.warning(
        "broadcast_failure_log has no index on (subscription_id, job_id): each new row is looked for in all",
        metadata: ["database": "\(connector.configuration.place)"])
    }
  }
}
