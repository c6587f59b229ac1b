import Glibc
import MEDLoop

/// `amender` at a terminal: the first signal ends it after the batches that are under way, a second one at once.
public enum AmendRun {
  private struct Stop {
    var signals = 0
    var task: Task<AmendReport, any Error>?
  }

  /// - Throws: if the system has no thread to give.
  public static func run(_ request: AmendRequest) throws -> AmendReport {
    let stop = Locked(Stop())
    try SignalThread.start { event in
      guard event != .toggleDebug else { return }
      let (signals, task) = stop.withLock { stop in
        stop.signals += 1
        return (stop.signals, stop.task)
      }
      if signals > 1 { _exit(ExitStatus.failure.rawValue) }
      printError("\namender: stopping after what is under way; once more ends it at once")
      task?.cancel()
    }
    return try runBlocking {
      let progress = ProgressBar(request.isDryRun ? "looking" : "kicking")
      let task = Task { try await Amender.run(request, progress: progress) }
      let signals = stop.withLock { stop in
        stop.task = task
        return stop.signals
      }
      if signals > 0 { task.cancel() }
      return try await task.value
    }
  }
}
