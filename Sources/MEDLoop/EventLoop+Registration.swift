/// Descriptors, timers and ends of turns. All of it only on the loop.
extension EventLoop {
  /// No delay is longer than this (126 years): times beyond can't be computed with.
  private static let longestDelay = Duration.seconds(4_000_000_000)

  /// Calls `handler` once, at the end of the present turn; of the next one, if that end has begun.
  public func atEndOfTurn(_ handler: any TurnEndHandler) {
    checkIsolated()
    turnEndHandlers.append(handler)
  }

  /// Watches `descriptor`, which must not be watched already; until ``remove(_:)`` its events go to `handler`.
  /// - Throws: ``LoopError`` if the system refuses: EPERM for a file, EBADF for a closed descriptor.
  public func add(_ descriptor: Int32, events: IOEvents, handler: any IOHandler) throws(LoopError) {
    checkIsolated()
    _ = poller.removeLeftover(descriptor)
    try poller.add(descriptor, events: events, handler: handler)
  }

  /// Changes what `descriptor` is watched for. To drop interest and take it up again costs next to nothing.
  ///
  /// While nothing is wanted, nothing is reported, not even that the peer hung up.
  /// - Throws: ``LoopError`` if the system refuses.
  public func setInterest(_ events: IOEvents, of descriptor: Int32) throws(LoopError) {
    checkIsolated()
    try poller.setInterest(events, of: descriptor)
  }

  /// Ends the watch. Must come before `descriptor` is closed; harmless if it isn't watched.
  public func remove(_ descriptor: Int32) {
    checkIsolated()
    _ = poller.remove(descriptor)
  }

  /// Calls `action` after `delay`: never early, and late by the rest of a millisecond or the length of a turn.
  /// - Returns: what cancels it. It needn't be kept.
  @discardableResult
  public func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimer {
    schedule(after: delay, .call(action))
  }

  /// Calls `action` at `deadline`, or in the next turn if that has passed.
  /// - Returns: what cancels it. It needn't be kept.
  @discardableResult
  public func schedule(at deadline: ContinuousClock.Instant, _ action: @escaping () -> Void) -> LoopTimer {
    schedule(at: deadline, .call(action))
  }

  func schedule(after delay: Duration, _ action: LoopTimer.Action) -> LoopTimer {
    schedule(at: ContinuousClock.now + min(delay, Self.longestDelay), action)
  }

  private func schedule(at deadline: ContinuousClock.Instant, _ action: LoopTimer.Action) -> LoopTimer {
    checkIsolated()
    let timer = LoopTimer(action)
    timers.add(timer, at: deadline)
    return timer
  }
}
