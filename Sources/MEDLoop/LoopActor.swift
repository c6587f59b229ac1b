/// The actor whose executor is an event loop: what is isolated to it runs on the loop's thread.
///
/// Plain classes that live inside it (connections, transfers, lanes) need no locks and no Sendable; their asynchronous
/// methods run on the actor of their caller. ``spawn(_:)`` lets them start tasks that stay there.
public actor LoopActor {
  public nonisolated let loop: EventLoop
  public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  public init(loop: EventLoop) { self.loop = loop }

  /// Starts a task on the loop. Only on the loop.
  ///
  /// The closure must have no capture list: with one the compiler (Swift 6.3) forgets that it runs where its caller does,
  /// and starts it on the global pool. `make lint` looks for that.
  @discardableResult
  public nonisolated func spawn(_ operation: nonisolated(nonsending) @escaping () async -> Void) -> Task<Void, Never> {
    nonisolated(unsafe) let operation = operation  // why: assumeIsolated proves that caller and task share the loop
    return assumeIsolated { $0.start(operation) }
  }

  private func start(_ operation: nonisolated(nonsending) @escaping () async -> Void) -> Task<Void, Never> {
    Task {
      _ = self  // the capture makes the task's closure isolated to this actor
      await operation()
    }
  }

  /// Runs `body` on the loop, for callers from elsewhere.
  public func run<Result>(
    _ body: @Sendable (isolated LoopActor) async throws -> sending Result
  ) async rethrows -> sending Result {
    try await body(self)
  }
}

extension EventLoop {
  /// Waits for `duration`; returns early, with an error, when the task is cancelled. Only on the loop.
  public func sleep(for duration: Duration) async throws(CancellationError) {
    let sleeper = Sleeper(loop: self)
    await withTaskCancellationHandler {
      await withUnsafeContinuation { sleeper.start(for: duration, $0) }
    } onCancel: {
      sleeper.cancel()
    }
    if Task.isCancelled { throw CancellationError() }
  }
}

/// One sleeping task. Its state is touched on the loop alone; a cancellation comes there through the inbox.
private final class Sleeper: @unchecked Sendable {  // why: `cancel` may come from any thread and only submits
  private let loop: EventLoop
  private var continuation: UnsafeContinuation<Void, Never>?
  private var timer: LoopTimer?
  private var isOver = false

  init(loop: EventLoop) { self.loop = loop }

  func start(for duration: Duration, _ continuation: UnsafeContinuation<Void, Never>) {
    if isOver { return continuation.resume() }
    self.continuation = continuation
    timer = loop.schedule(after: duration) { self.end() }
  }

  func cancel() { loop.submit { self.end() } }

  private func end() {
    isOver = true
    timer?.cancel()
    timer = nil
    continuation?.resume()
    continuation = nil
  }
}
