import MEDLoop

/// Wakes whoever waits for something to change. Confined to its loop.
///
/// Who is woken looks again whether what it waits for has come. The tasks that wait bound the number of waiters.
final class LoopCondition {
  private let loop: EventLoop
  private var waiters: [LoopWaiter] = []

  init(_ loop: EventLoop) { self.loop = loop }

  /// Wakes all.
  func signal() {
    let woken = waiters
    waiters = []
    for waiter in woken { waiter.end() }
  }

  /// Returns at the next ``signal()``, at `deadline`, or when the task is cancelled.
  func wait(until deadline: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation) async {
    let waiter = LoopWaiter(loop)
    waiters.append(waiter)
    await withTaskCancellationHandler {
      _ = isolation  // without the capture the closure runs on the global executor
      await withUnsafeContinuation { waiter.start(until: deadline, $0) }
    } onCancel: {
      waiter.cancel()
    }
    waiters.removeAll { $0 === waiter }
  }
}

/// One task that waits. Its state is touched on the loop alone; a cancellation comes there through the inbox.
private final class LoopWaiter: @unchecked Sendable {  // why: `cancel` may come from any thread and only submits
  private let loop: EventLoop
  private var continuation: UnsafeContinuation<Void, Never>?
  private var timer: LoopTimer?
  private var hasEnded = false

  init(_ loop: EventLoop) { self.loop = loop }

  func start(until deadline: ContinuousClock.Instant?, _ continuation: UnsafeContinuation<Void, Never>) {
    if hasEnded { return continuation.resume() }
    self.continuation = continuation
    if let deadline { timer = loop.schedule(at: deadline) { self.end() } }
  }

  func cancel() { loop.submit { self.end() } }

  func end() {
    hasEnded = true
    timer?.cancel()
    timer = nil
    continuation?.resume()
    continuation = nil
  }
}
