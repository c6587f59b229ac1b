public final class EventLoop: SerialExecutor, @unchecked Sendable {
  public func enqueue(_ job: consuming ExecutorJob) {}
}
