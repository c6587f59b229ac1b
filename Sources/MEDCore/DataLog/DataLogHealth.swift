/// How the log does, for readiness and statistics. A copy: it doesn't change by itself.
public struct DataLogHealth: Sendable, Equatable {
  /// False from a failure that left records unwritten until the next success. True before the first record.
  public var isWritable = true
  /// The last failure, also one that a new file made good.
  public var lastError: DataLogError?
  /// When that was.
  public var lastErrorTime: RecordTime?
  /// Records written to a file, those of `commit` once they were synced.
  public var recordsWritten: UInt64 = 0
  /// Records given to `write` and lost, as the buffer was full or the log was closed.
  public var recordsDropped: UInt64 = 0
  /// Commits that threw.
  public var commitsFailed: UInt64 = 0
  /// Calls of fsync on the log's files.
  public var syncs: UInt64 = 0
  /// Bytes in memory: waiting for the thread, or written and not yet synced.
  public var bytesHeld = 0
  /// Commits that wait for the disk now.
  public var commitsWaiting = 0
  /// The file that is written now; nil before the first record and after a failure.
  public var path: String?

  /// Nothing has happened yet.
  public init() {}
}
