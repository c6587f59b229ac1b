/// Runs non-isolated asynchronous code of tasks that prefer it on the loop's thread.
public final class LoopTaskExecutor: TaskExecutor {
  private let loop: EventLoop

  init(loop: EventLoop) { self.loop = loop }

  public func enqueue(_ job: consuming ExecutorJob) {
    loop.add(.task(UnownedJob(job), self))
  }
}

extension EventLoop {
  /// For `Task(executorPreference:)` and `withTaskExecutorPreference`.
  public var taskExecutor: LoopTaskExecutor { LoopTaskExecutor(loop: self) }
}
