import MEDLoop

/// A DATA log in files: records as lines, written by a thread of its own, committed in groups.
///
/// ```swift
/// let log = FileDataLog(directory: "/var/log/orders")
///
/// // Soon, and never waited for:
/// log.write(DataRecord(.dropped, topic: "order_paid", subscription: 352, reason: "no URL"))
///
/// // On disk when it returns; only now may the job go:
/// try await log.commit(DataRecord(.redistributionFailed, topic: "order_paid", subscription: 352, payload: job.body))
///
/// try await log.close()
/// ```
///
/// **Lines** are `<RFC 3339 UTC, µs> <KIND> <one-line JSON object>`; ``DataLogReader`` reads them again.
///
/// **Files.** `data.log`, or `data.<yyyy-mm-dd>.log`, a new one with the first write after midnight UTC; see
/// ``DataLogNaming``. Mode 0640; the directory is made when it isn't there. An existing file is appended to, an
/// unfinished last line of it is ended first. A file that was renamed or removed is noticed within a second, and
/// before any commit; with ``reopen()`` at once.
///
/// **Writes** gather in memory and reach the file when there are 64 KiB, or 100 ms after the first. They are synced
/// with the next commit, at the latest after 4 MiB. Past `bufferBytes` in memory they are dropped and counted.
///
/// **Commits** wait for an fsync that follows their line. One fsync serves all that wait when it begins; those that
/// come meanwhile share the next. 100,000 may wait; past that, and past twice `bufferBytes` in memory, they throw.
/// A cancelled task waits for the answer like any other: a disk can't be told to forget.
///
/// **Failures.** After a failed or short write or a failed fsync the file isn't trusted: a new one (`data.1.log`) is
/// begun, and all that was not synced is written again there, so that a line may be found twice. If that fails too,
/// all commits that wait throw, nothing of them is kept, and the next commit tries everything anew, the directory
/// included. What came by `write` is kept up to `bufferBytes` and tried again each second.
///
/// No file, no thread before the first record. A log that is let go of without ``close()`` still writes what it has,
/// but nobody hears whether it could.
public final class FileDataLog: DataLog {
  private let thread: DataLogThread
  private let now: @Sendable () -> RecordTime

  /// - Parameters:
  ///   - directory: where the files go; need not exist. Relative to the working directory unless it begins with `/`.
  ///   - splitByDay: one file per day (UTC) instead of one for all.
  ///   - bufferBytes: bytes kept in memory at most, 64 KiB or more; one record may go beyond.
  public convenience init(directory: String, splitByDay: Bool = true, bufferBytes: Int = 16 << 20) {
    self.init(directory: directory, naming: splitByDay ? .daily : .single, bufferBytes: bufferBytes)
  }

  /// A log whose files are named so.
  public convenience init(directory: String, naming: DataLogNaming, bufferBytes: Int = 16 << 20) {
    var limits = DataLogLimits()
    limits.bufferBytes = min(max(bufferBytes, limits.batchBytes), 1 << 40)
    self.init(directory: directory, naming: naming, limits: limits, operations: .system, now: RecordTime.now)
  }

  /// - Parameter continued: a file of this log to go on with, instead of beginning one by the name of the moment.
  init(
    directory: String, naming: DataLogNaming, continued: String? = nil, limits: DataLogLimits,
    operations: FileOperations, now: @escaping @Sendable () -> RecordTime
  ) {
    let directory = directory.isEmpty ? "." : directory
    self.now = now
    thread = DataLogThread(Monitor(DataLogBuffer(limits: limits)), now: now) {
      var file = DataLogFile(directory: directory, naming: naming, operations: operations)
      file.syncThreshold = min(file.syncThreshold, limits.bufferBytes / 4)
      file.continued = continued
      return file
    }
  }

  deinit {
    if monitor.withLock({ $0.close(nil) }) { monitor.signal() }
  }

  /// Never blocks on the disk. Dropped and counted when the buffer is full or the log is closed.
  public func write(_ record: DataRecord) {
    let wake = monitor.withLock { buffer in
      startThread(&buffer)
      return buffer.write(record, at: now())
    }
    if wake { monitor.signal() }
  }

  /// - Throws: ``DataLogError``; the record may then be in a file or not, and won't be written later.
  public func commit(_ record: DataRecord) async throws { try await wait(for: record) }

  /// Returns once all records given before are on disk. Opens the file if it isn't open: a first one at start shows
  /// whether the log can be written.
  /// - Throws: ``DataLogError``; what came by `write` is kept and tried again.
  public func flush() async throws { try await wait(for: nil) }

  /// Lets go of the file and opens it by its name anew, soon: for HUP, after a rotation. What was written before is
  /// synced first.
  public func reopen() {
    monitor.withLock { $0.reopen() }
    monitor.signal()
  }

  /// Writes and syncs what is left, and ends the thread. Records that come later are refused.
  /// - Throws: ``DataLogError`` if what was left could not be written; it is lost then.
  public func close() async throws {
    try await withCheckedThrowingContinuation { continuation in
      if monitor.withLock({ $0.close(continuation) }) {
        monitor.signal()
      } else {
        continuation.resume()
      }
    }
  }

  public var condition: DataLogHealth? { health }

  /// May be asked from any thread at any time.
  public var health: DataLogHealth { monitor.withLock(\.current) }

  private var monitor: Monitor<DataLogBuffer> { thread.monitor }

  private func wait(for record: DataRecord?) async throws {
    try await withCheckedThrowingContinuation { continuation in
      let refusal = monitor.withLock { buffer in
        startThread(&buffer)
        return buffer.commit(record, at: now(), continuation)
      }
      if let refusal { continuation.resume(throwing: refusal) } else { monitor.signal() }
    }
  }

  private func startThread(_ buffer: inout DataLogBuffer) {
    if !buffer.isThreadRunning && buffer.phase == .open { buffer.isThreadRunning = thread.start() }
  }
}
