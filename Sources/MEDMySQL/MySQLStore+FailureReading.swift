import MEDCore

extension MySQLStore: FailureLogReader {
  /// Reads down the primary key, over the connection for tools.
  public func failures(_ query: FailureQuery) async throws(StoreError) -> FailurePage { try await writer.page(query) }

  /// One row.
  public func failure(_ id: Int) async throws(StoreError) -> FailureRecord? { try await writer.failureRecord(id) }
}

extension MySQLConnection {
  func page(_ query: FailureQuery) throws(StoreError) -> FailurePage {
    try read { handle throws(StoreError) in
      try FailureReading(handle).page(query, window: FailureQuery.window)
    }
  }

  func failureRecord(_ id: Int) throws(StoreError) -> FailureRecord? {
    try read { handle throws(StoreError) in try FailureReading(handle).record(id) }
  }
}
