/// Where other threads leave work for a loop.
struct Inbox {
  /// What somebody who left something here must do.
  enum Call {
    case none, wakeUp, newThread
  }

  var jobs: [LoopJob] = []
  /// The loop is in epoll_wait, or about to be: whoever adds something must wake it.
  var isSleeping = false
  var isStopping = false
  /// The loop's thread is gone.
  var hasEnded = false

  /// Only the first to leave something has to do anything.
  mutating func call() -> Call {
    if hasEnded {
      hasEnded = false
      return .newThread
    }
    if isSleeping {
      isSleeping = false
      return .wakeUp
    }
    return .none
  }
}

/// A job of the loop. The kinds must be run in different ways: the wrong one enqueues the job again.
enum LoopJob {
  case serial(UnownedJob)
  case task(UnownedJob, LoopTaskExecutor)
  case closure(@Sendable () -> Void)

  func run(on executor: UnownedSerialExecutor) {
    switch self {
    case .serial(let job): job.runSynchronously(on: executor)
    case .task(let job, let executor): job.runSynchronously(on: executor.asUnownedTaskExecutor())
    case .closure(let body): body()
    }
  }
}
