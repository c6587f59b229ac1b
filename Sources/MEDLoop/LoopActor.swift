/// The actor whose executor is an event loop: what is isolated to it runs on the loop's thread.
///
/// Plain classes that live inside it (connections, transfers, lanes) need no locks and no Sendable; their asynchronous
/// methods run on the actor of their caller. ``spawn(_:)`` lets them start tasks that stay there.
///
/// Several actors may share a loop: they call each other without a hop, yet each keeps its own state apart.
public actor LoopActor {
  /// Where it runs.
  public nonisolated let loop: EventLoop
  /// The loop.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private nonisolated let preferred: LoopTaskExecutor

  /// An actor on `loop`, which must not end before it.
  public init(loop: EventLoop) {
    self.loop = loop
    preferred = loop.taskExecutor
  }

  /// Starts a task that stays on the loop; it begins in a later turn, not within the call. Only on the loop.
  ///
  /// The task prefers the loop instead of being isolated to the actor: a continuation that is resumed wakes its task on
  /// the global pool unless the task prefers an executor, and isolated code would come back from there by a second
  /// switch of threads. Therefore `@concurrent` functions that the task calls run on the loop too: heavy work begins
  /// with ``spawnIsolated(_:)``.
  @discardableResult
  public nonisolated func spawn(_ operation: @escaping () async -> Void) -> Task<Void, Never> {
    loop.checkIsolated()
    nonisolated(unsafe) let operation = operation  // why: the caller is on the loop, where the task runs too
    return Task(executorPreference: preferred) { await operation() }
  }

  /// As ``spawn(_:)``, but isolated to this actor: `@concurrent` functions that the task calls leave the loop.
  ///
  /// The closure must have no capture list: with one the compiler (Swift 6.3) takes its isolation away. `make lint` looks.
  @discardableResult
  public nonisolated func spawnIsolated(_ operation: @escaping () async -> Void) -> Task<Void, Never> {
    nonisolated(unsafe) let operation = operation  // why: assumeIsolated proves that caller and task share the loop
    return assumeIsolated { $0.start(operation) }
  }

  private func start(_ operation: @escaping () async -> Void) -> Task<Void, Never> {
    Task {
      _ = self  // the capture makes the task's closure isolated to this actor
      await operation()
    }
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
