import MEDCore
import MEDLoop

/// Recover lists in memory, whose answers a test can choose.
final class MemoryRecoverLists: RecoverLists {
  struct Down: Error {}

  struct State: Sendable {
    var entries: [[UInt8]] = []
    /// Taken, and neither removed nor put back.
    var inHand: [[UInt8]] = []
    var isDown = false
    var failsRemovals = 0
    var failsPutBacks = 0
    var refusesPutBacks = false
    var takes = 0
    var largestTake = 0
    var signs = 0
    var isClosed = false
    var history: [String] = []
  }

  let state: Locked<State>

  init(_ entries: [[UInt8]]) { state = Locked(State(entries: entries)) }

  func take(atMost limit: Int) async throws -> RecoverTake {
    try state.withLock { state in
      if state.isDown || state.isClosed { throw Down() }
      state.takes += 1
      let count = min(limit, state.entries.count)
      state.largestTake = max(state.largestTake, count)
      let taken = Array(state.entries.prefix(count))
      state.entries.removeFirst(count)
      state.inHand += taken
      return RecoverTake(taken.map { RecoverEntry(list: "l", bytes: $0) }, pause: .milliseconds(1))
    }
  }

  func remove(_ entries: [RecoverEntry]) async throws {
    try state.withLock { state in
      // Remembered by the lists: gone all the same.
      for entry in entries { state.takeFromHand(entry.bytes) }
      state.history.append("remove \(entries.count)")
      if state.failsRemovals > 0 {
        state.failsRemovals -= 1
        throw Down()
      }
    }
  }

  func putBack(_ entries: [RecoverEntry]) async throws -> [String?] {
    try state.withLock { state in
      if state.isDown { throw Down() }
      if state.failsPutBacks > 0 {
        state.failsPutBacks -= 1
        throw Down()
      }
      if state.refusesPutBacks { return entries.map { _ in "WRONGTYPE" } }
      for entry in entries {
        state.takeFromHand(entry.bytes)
        state.entries.append(entry.bytes)
      }
      state.history.append("back \(entries.count)")
      return entries.map { _ in nil }
    }
  }

  func keepAlive() async throws { state.withLock { $0.signs += 1 } }
  func close() async { state.withLock { $0.isClosed = true } }
  var condition: RecoverListsCondition { RecoverListsCondition() }
}

extension MemoryRecoverLists.State {
  mutating func takeFromHand(_ bytes: [UInt8]) {
    if let index = inHand.firstIndex(of: bytes) { inHand.remove(at: index) }
  }
}
