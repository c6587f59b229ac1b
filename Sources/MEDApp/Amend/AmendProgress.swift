import MEDLoop

/// How far all servers together are, by tubes. Shown when there are many, and once all servers have told theirs.
final class AmendProgress: Sendable {
  /// Fewer are done at a glance.
  private static let many = 32

  private struct State {
    var unheard: Int
    var total = 0
    var done = 0
  }

  private let bar: ProgressBar
  private let state: Locked<State>

  init(_ bar: ProgressBar, servers: Int) {
    self.bar = bar
    state = Locked(State(unheard: servers))
  }

  /// A server has so many tubes, or can't be asked.
  func begin(tubes: Int) {
    change {
      $0.unheard -= 1
      $0.total += tubes
    }
  }

  func advance() { change { $0.done += 1 } }

  func end() { bar.end() }

  private func change(_ body: @Sendable (inout State) -> Void) {
    let now = state.withLock { state in
      body(&state)
      return state
    }
    if now.unheard == 0, now.total >= Self.many { bar.show(now.done, of: now.total) }
  }
}
