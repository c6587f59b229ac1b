import MEDLoop

/// Lets one change at a time through, in the order in which they came: so that what is stored last is in force last.
///
/// Past ``bound`` that wait a change is refused.
final class ChangeTurns: Sendable {
  static let bound = 1_000

  private struct State {
    var isTaken = false
    var waiting: [CheckedContinuation<Bool, Never>] = []
  }

  private let state = Locked(State())

  /// How many wait for their turn.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Waits for the turn; ``leave()`` ends it.
  /// - Throws: `.busy`; `.timedOut` if nobody waits for the change any more when its turn comes.
  func take() async throws(ControlError) {
    let mayGoOn = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
      let answer = state.withLock { state -> Bool? in
        guard state.isTaken else {
          state.isTaken = true
          return true
        }
        guard state.waiting.count < Self.bound else { return false }
        state.waiting.append(continuation)
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
    guard mayGoOn else { throw ControlError(.busy, "more than \(Self.bound) changes wait") }
    guard !Task.isCancelled else {
      leave()
      throw ControlError(.timedOut, "its turn came too late, nothing was changed")
    }
  }

  func leave() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard !state.waiting.isEmpty else {
        state.isTaken = false
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume(returning: true)
  }
}
