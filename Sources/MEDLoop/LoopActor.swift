/// The actor whose executor is an event loop: what is isolated to it runs on the loop's thread.
///
/// Plain classes that live inside it (connections, transfers, lanes) need no locks and no Sendable; their asynchronous
/// methods run on the actor of their caller. ``spawn(_:)`` lets them start tasks that stay there.
///
/// Several actors may share a loop: they call each other without a hop, yet each keeps its own state apart.
public actor LoopActor {
  public nonisolated let loop: EventLoop
  public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private nonisolated let executor: LoopTaskExecutor

  public init(loop: EventLoop) {
    self.loop = loop
    executor = loop.taskExecutor
  }

  /// Starts a task on the loop; it begins in a later turn, not within the call. Only on the loop.
  ///
  /// The task prefers the loop's executor instead of being isolated to this actor: whatever waits for a continuation is
  /// resumed through the global pool otherwise, and comes back from there with two system calls.
  @discardableResult
  public nonisolated func spawn(_ operation: @escaping () async -> Void) -> Task<Void, Never> {
    loop.checkIsolated()
    nonisolated(unsafe) let operation = operation  // why: the check proves that caller and task share the loop
    return Task(executorPreference: executor) { await operation() }
  }

  /// Runs `body` on the loop, for callers from elsewhere. What it is given and returns crosses over.
  ///
  /// Each wait in it goes by way of the global pool: work that waits often belongs into ``spawn(_:)``.
  public func run<Result>(
    _ body: @Sendable (isolated LoopActor) async throws -> sending Result
  ) async rethrows -> sending Result {
    try await body(self)
  }
}
