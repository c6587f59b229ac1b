import Glibc
import MEDLoop

/// The thread that writes a log: takes what has gathered, stores it, answers those who wait.
///
/// A thread of its own, as a disk may block for long and Swift's pool has as many threads as the machine has cores.
/// All signals are blocked in it: a file-size limit (SIGXFSZ) becomes an error.
final class DataLogThread: Sendable {
  let monitor: Monitor<DataLogBuffer>
  private let now: @Sendable () -> RecordTime
  private let makeFile: @Sendable () -> DataLogFile

  init(
    _ monitor: Monitor<DataLogBuffer>, now: @escaping @Sendable () -> RecordTime,
    makeFile: @escaping @Sendable () -> DataLogFile
  ) {
    self.monitor = monitor
    self.now = now
    self.makeFile = makeFile
  }

  /// - Returns: whether there is a thread now. It lives until the log is closed.
  func start() -> Bool { DetachedThread.start(blocksSignals: true) { self.run() } }

  private func run() {
    var file = makeFile()
    // Records of `write` that no file has taken yet.
    var unwritten = 0
    while true {
      var work = monitor.proceed { $0.next(Monitor<DataLogBuffer>.uptime()) }
      unwritten += work.writes
      let failure = store(work, in: &file)
      work.batch.removeAll(keepingCapacity: true)
      let isLast = work.close
      if isLast { file.close() }
      let closers = monitor.withLock { buffer in
        buffer.finish(held: isLast ? 0 : file.unconfirmed.count, emptied: work.batch)
        note(failure, work, unwritten, file, in: &buffer)
        return isLast ? buffer.end() : []
      }
      if failure == nil { unwritten = 0 }
      for waiter in work.waiters { waiter.continuation.resume(with: Self.result(failure)) }
      for closer in closers { closer.resume(with: Self.result(failure)) }
      if isLast { return }
    }
  }

  private func store(_ work: DataLogBuffer.Work, in file: inout DataLogFile) -> DataLogError? {
    let demands = DataLogFile.Demands(
      sync: !work.waiters.isEmpty || work.close, reopen: work.reopen, time: now(),
      uptime: Monitor<DataLogBuffer>.uptime())
    // Nothing to end with: a log that never wrote makes no file when it is closed.
    if work.close && work.waiters.isEmpty && work.batch.isEmpty && file.unconfirmed.isEmpty { return nil }
    do {
      try file.store(work.batch, demands)
      return nil
    } catch {
      // Who waits for a record hears of the failure and brings it again; kept too, it would gather without end.
      file.forget(work.waiters.map(\.line), ofBatch: work.batch.count)
      return error
    }
  }

  private func note(
    _ failure: DataLogError?, _ work: DataLogBuffer.Work, _ unwritten: Int, _ file: DataLogFile,
    in buffer: inout DataLogBuffer
  ) {
    let commits = UInt64(work.waiters.count { !$0.line.isEmpty })
    buffer.health.syncs = file.syncs
    buffer.health.path = file.path
    if let error = failure ?? file.recovered {
      buffer.health.lastError = error
      buffer.health.lastErrorTime = now()
    }
    if failure == nil {
      buffer.health.isWritable = true
      buffer.health.recordsWritten += UInt64(unwritten) + commits
    } else {
      buffer.health.isWritable = false
      buffer.health.commitsFailed += commits
      if work.close { buffer.health.recordsDropped += UInt64(unwritten) }
    }
  }

  private static func result(_ failure: DataLogError?) -> Result<Void, any Error> {
    failure.map { .failure($0) } ?? .success(())
  }
}
