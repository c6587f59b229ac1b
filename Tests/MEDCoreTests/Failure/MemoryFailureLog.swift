import MEDCore
import MEDLoop

/// Rows in memory, as a store keeps them, and a store that can be told to fail.
final class MemoryFailureLog: FailureLog {
  struct Row: Sendable, Equatable {
    var first = ""
    var last = ""
    var target = ""
    var body = ""
    var retryTimes: UInt64 = 0
    var isAlive = true
    var finalStatus = 0
  }

  struct State: Sendable {
    var ids: [String: Int] = [:]
    var rows: [Int: Row] = [:]
    var batches: [[FailureEntry]] = []
    var failure: StoreError?
    /// Job ids that the store refuses.
    var refused: Set<String> = []
    var isHanging = false
  }

  let state = Locked(State())

  var rows: [Row] { state.withLock { state in state.rows.sorted { $0.key < $1.key }.map(\.value) } }
  var entries: [FailureEntry] { state.withLock { $0.batches.flatMap(\.self) } }

  func write(_ entries: [FailureEntry]) async throws(StoreError) -> [Int] {
    while state.withLock({ $0.isHanging }) { try? await Task.sleep(for: .milliseconds(2)) }  // why: a store that hangs
    return try state.withLock { state throws(StoreError) in
      if let failure = state.failure { throw failure }
      if entries.contains(where: { state.refused.contains($0.jobID) }) { throw StoreError(.constraint, "refused") }
      state.batches.append(entries)
      return entries.map { Self.apply($0, &state) }
    }
  }

  private static func apply(_ entry: FailureEntry, _ state: inout State) -> Int {
    let id = state.ids[entry.jobID] ?? state.rows.count + 1
    state.ids[entry.jobID] = id
    var row = state.rows[id] ?? Row(first: entry.firstFailure ?? "", body: entry.body)
    row.last = entry.lastFailure ?? row.last
    if !entry.lastTarget.isEmpty { row.target = entry.lastTarget }
    if entry.lastRetryTime > 0 { row.retryTimes = entry.retryTimes }
    row.isAlive = entry.end == nil
    row.finalStatus = Int(entry.end?.rawValue ?? 0)
    state.rows[id] = row
    return id
  }
}
