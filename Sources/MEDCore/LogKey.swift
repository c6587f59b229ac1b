/// The keys of log metadata: one list, so that every line calls a thing by the same name.
public enum LogKey {
  public static let queueServer = "queue_server"
  public static let tube = "tube"
  public static let jobID = "job_id"
  public static let topic = "topic"
  public static let subscription = "subscription"
  public static let record = "record"
  public static let reason = "reason"
  public static let count = "count"
  public static let target = "target"
  public static let error = "error"
  public static let duration = "duration"
  public static let path = "path"
  public static let header = "header"
  /// How many of the same kind were left out before.
  public static let suppressed = "suppressed"
  public static let retryTimes = "retry_times"
  public static let stack = "stack"
}
