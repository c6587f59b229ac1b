/// Runs non-isolated asynchronous code of tasks that prefer it on the loop's thread.
///
/// An object of its own, because the loop must run what prefers it and what is isolated to it in different ways.
public final class LoopTaskExecutor: TaskExecutor {
  private let loop: EventLoop

  init(loop: EventLoop) { self.loop = loop }

  /// Runs a job of a task that prefers the loop. From any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    loop.add(.task(UnownedJob(job), self))
  }
}

extension EventLoop {
  /// For `Task(executorPreference:)` and `withTaskExecutorPreference`. Each call makes one: keep it where many are needed.
  public var taskExecutor: LoopTaskExecutor { LoopTaskExecutor(loop: self) }
}
