import MEDLoop

/// Carries changed configurations from any thread to a running engine. Only the newest one counts: what came before it
/// and was not looked at yet is passed over, and whoever gave it is told when the newer one is in force.
final class ConfigurationChanges: Sendable {
  private enum Phase {
    case notRunning, running
  }

  private struct State {
    var newest: DispatcherConfiguration
    /// Of the newest configuration; they count from 1, and 0 is the first one.
    var number: UInt64 = 0
    /// Of the one that the engine has looked at last.
    var taken: UInt64 = 0
    var phase = Phase.notRunning
    var engine: CheckedContinuation<Void, Never>?
    var waiting: [(number: UInt64, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state: Locked<State>

  init(_ configuration: DispatcherConfiguration) { state = Locked(State(newest: configuration)) }

  /// Returns when the configuration, or a newer one, is in force; at once while no engine runs.
  func submit(_ configuration: DispatcherConfiguration) async {
    await withCheckedContinuation { continuation in
      let (engine, isDone) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
        state.newest = configuration
        state.number += 1
        guard state.phase == .running else { return (nil, true) }
        state.waiting.append((state.number, continuation))
        defer { state.engine = nil }
        return (state.engine, false)
      }
      engine?.resume()
      if isDone { continuation.resume() }
    }
  }

  /// The newest one, in force or about to be.
  var newest: DispatcherConfiguration { state.withLock { $0.newest } }

  // MARK: The engine's side

  /// The engine starts with what this returns.
  func begin() -> DispatcherConfiguration {
    state.withLock { state in
      state.phase = .running
      state.taken = state.number
      return state.newest
    }
  }

  /// Waits for the next one. One caller at a time.
  /// - Returns: nil after ``end()``.
  func next() async -> DispatcherConfiguration? {
    while true {
      await withCheckedContinuation { continuation in
        let isThere = state.withLock { state in
          let isThere = state.phase == .notRunning || state.number > state.taken
          if !isThere { state.engine = continuation }
          return isThere
        }
        if isThere { continuation.resume() }
      }
      let (isOver, next) = state.withLock { state -> (Bool, DispatcherConfiguration?) in
        guard state.phase == .running else { return (true, nil) }
        guard state.number > state.taken else { return (false, nil) }
        state.taken = state.number
        return (false, state.newest)
      }
      if isOver || next != nil { return next }
    }
  }

  /// The one that ``next()`` returned last is in force.
  func isInForce() {
    let done = state.withLock { state in
      let taken = state.taken
      let done = state.waiting.filter { $0.number <= taken }
      state.waiting.removeAll { $0.number <= taken }
      return done
    }
    for waiting in done { waiting.continuation.resume() }
  }

  /// The engine stops: nothing is taken any more, and nobody waits.
  func end() {
    let (engine, waiting) = state.withLock { state in
      state.phase = .notRunning
      defer {
        state.engine = nil
        state.waiting = []
      }
      return (state.engine, state.waiting)
    }
    engine?.resume()
    for waiting in waiting { waiting.continuation.resume() }
  }
}
