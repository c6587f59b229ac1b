/// The keys of log metadata: one list, so that every line calls a thing by the same name.
public enum LogKey {
  /// `host:port`.
  public static let queueServer = "queue_server"
  /// A tube's name.
  public static let tube = "tube"
  /// A job's number.
  public static let jobID = "job_id"
  /// A topic's key.
  public static let topic = "topic"
  /// A subscription's number.
  public static let subscription = "subscription"
  /// A kind of record.
  public static let record = "record"
  /// Why.
  public static let reason = "reason"
  /// How many.
  public static let count = "count"
  /// How many tubes.
  public static let tubes = "tubes"
  /// How many jobs were kicked.
  public static let kicked = "kicked"
  /// A URL.
  public static let target = "target"
  /// What went wrong.
  public static let error = "error"
  /// How long.
  public static let duration = "duration"
  /// A file.
  public static let path = "path"
  /// A list in Redis.
  public static let list = "list"
  /// A header's name.
  public static let header = "header"
  /// Which retry of a message it is, 0: its first push.
  public static let retryTimes = "retry_times"
  /// A kind of alert.
  public static let alert = "alert"
  /// A way on which alerts go out.
  public static let gateway = "gateway"
  /// What would have been told.
  public static let text = "text"
  /// The calls that led to an error.
  public static let stack = "stack"
}
