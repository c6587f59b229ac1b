import MEDLoop

/// A DATA log in memory, for tests of what stands on one. It can be told to fail.
public final class MemoryDataLog: DataLog {
  private struct State {
    var records: [DataRecord] = []
    var committed: [DataRecord] = []
    var failure: DataLogError?
    var dropped = 0
  }

  private let state = Monitor(State())
  private let limit: Int

  /// - Parameter limit: records kept at most; past it `write` drops and `commit` throws `.bufferFull`.
  public init(limit: Int = 100_000) { self.limit = limit }

  /// Keeps the record.
  public func write(_ record: DataRecord) {
    state.withLock { state in
      if state.failure == nil && state.records.count < limit {
        state.records.append(record)
      } else {
        state.dropped += 1
      }
    }
  }

  /// Keeps the record, which counts as on disk.
  public func commit(_ record: DataRecord) async throws {
    let failure: DataLogError? = state.withLock { state in
      if let failure = state.failure { return failure }
      guard state.records.count < limit else { return DataLogError(.bufferFull) }
      state.records.append(record)
      state.committed.append(record)
      return nil
    }
    if let failure { throw failure }
  }

  /// All records, in the order they came.
  public var records: [DataRecord] { state.withLock(\.records) }

  /// Those of `commit` alone.
  public var committed: [DataRecord] { state.withLock(\.committed) }

  /// Records that `write` didn't keep.
  public var dropped: Int { state.withLock(\.dropped) }

  /// While it is set, commits throw it and writes are dropped: `log.failure = DataLogError(.injected)`.
  public var failure: DataLogError? {
    get { state.withLock(\.failure) }
    set { state.withLock { $0.failure = newValue } }
  }
}
