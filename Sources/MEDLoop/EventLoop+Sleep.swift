extension EventLoop {
  /// Waits for `duration`. Only on the loop.
  /// - Throws: `CancellationError`, early, when the task is cancelled. A loop that stops cancels the tasks that sleep there.
  public func sleep(
    for duration: Duration, isolation: isolated (any Actor)? = #isolation
  ) async throws(CancellationError) {
    checkIsolated()
    if Task.isCancelled { throw CancellationError() }
    let sleeper = Sleeper(loop: self)
    let end = await withTaskCancellationHandler {
      _ = isolation  // without the capture the closure runs on the global executor
      return await withUnsafeContinuation { sleeper.start(for: duration, $0) }
    } onCancel: {
      sleeper.cancel()
    }
    // `while !Task.isCancelled { try? await loop.sleep(…) }` must end too.
    if end == .stopped { withUnsafeCurrentTask { $0?.cancel() } }
    if Task.isCancelled { throw CancellationError() }
  }
}

/// One sleeping task. Its state is touched on the loop alone; a cancellation comes there through the inbox.
final class Sleeper: @unchecked Sendable {  // why: `cancel` may come from any thread and only submits
  enum End {
    case due, cancelled, stopped
  }

  private let loop: EventLoop
  private var continuation: UnsafeContinuation<End, Never>?
  private var timer: LoopTimer?
  /// The end, if it came before the start.
  private var earlyEnd: End?

  init(loop: EventLoop) { self.loop = loop }

  func start(for duration: Duration, _ continuation: UnsafeContinuation<End, Never>) {
    if let earlyEnd { return continuation.resume(returning: earlyEnd) }
    self.continuation = continuation
    timer = loop.schedule(after: duration, .wake(self))
  }

  func cancel() { loop.submit { self.end(.cancelled) } }

  func end(_ end: End) {
    guard let continuation else {
      earlyEnd = end
      return
    }
    self.continuation = nil
    timer?.cancel()
    timer = nil
    continuation.resume(returning: end)
  }
}
