/// One call at one time. Confined to its loop.
public final class LoopTimer {
  enum Action {
    case call(() -> Void)
    case wake(Sleeper)
  }

  private var action: Action?

  init(_ action: Action) { self.action = action }

  /// After this the action isn't called any more, and what it held is released.
  public func cancel() { _ = takeAction() }

  var isCancelled: Bool { action == nil }

  func fire() {
    switch takeAction() {
    case .call(let body): body()
    case .wake(let sleeper): sleeper.end(.due)
    case nil: break
    }
  }

  /// The loop ends before the time has come.
  func drop() {
    if case .wake(let sleeper) = takeAction() { sleeper.end(.stopped) }
  }

  /// What the action holds must be released after the access to `action`: it may cancel this timer as it goes.
  private func takeAction() -> Action? {
    let taken = action
    action = nil
    return taken
  }
}
