/// The actor whose executor is an event loop: what is isolated to it runs on the loop's thread.
///
/// Plain classes that live inside it (connections, transfers, lanes) need no locks and no Sendable; their asynchronous
/// methods run on the actor of their caller. ``spawn(_:)`` lets them start tasks that stay there.
///
/// Several actors may share a loop: they call each other without a hop, yet each keeps its own state apart.
public actor LoopActor {
  public nonisolated let loop: EventLoop
  public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  public init(loop: EventLoop) { self.loop = loop }

  /// Starts a task on the loop; it begins in a later turn, not within the call. Only on the loop.
  ///
  /// The closure must have no capture list: with one the compiler (Swift 6.3) forgets that it runs where its caller does,
  /// and starts it on the global pool. `make lint` looks for that.
  @discardableResult
  public nonisolated func spawn(_ operation: @escaping () async -> Void) -> Task<Void, Never> {
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
  public func run<Result>(
    _ body: @Sendable (isolated LoopActor) async throws -> sending Result
  ) async rethrows -> sending Result {
    try await body(self)
  }
}
