import MEDLoop

/// What happens besides a stop.
public final class RunHooks: Sendable {
  private struct State {
    var reopeners: [@Sendable () -> Void] = []
    var reloaders: [@Sendable (Settings) async -> Void] = []
  }

  private let state = Locked(State())

  /// `body` is called on each HUP, on the signal thread: it must not block.
  public func onReopen(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.reopeners.append(body) } }

  /// `body` is called with the settings in force each time the config file was read anew: what needs a restart is in them
  /// as it was at the start. Calls come one after the other, in the order in which they were registered.
  public func onReload(_ body: @escaping @Sendable (Settings) async -> Void) {
    state.withLock { $0.reloaders.append(body) }
  }

  func reopen() { for body in state.withLock({ $0.reopeners }) { body() } }

  /// Blocks until all have taken the settings.
  func reload(_ settings: Settings) {
    let bodies = state.withLock { $0.reloaders }
    guard !bodies.isEmpty else { return }
    try? runBlockingOnPool { for body in bodies { await body(settings) } }
  }
}
