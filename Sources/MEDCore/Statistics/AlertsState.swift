/// How alerts do. Counts are since the start.
public struct AlertsState: Codable, Sendable, Equatable {
  /// Alerts that aren't with all of their recipients yet.
  public var waiting = 0
  /// Alerts that were raised, tests apart.
  public var raised: UInt64 = 0
  /// Alerts that all of their recipients got.
  public var sent: UInt64 = 0
  /// Alerts that somebody didn't get; the error log has them.
  public var failed: UInt64 = 0
  /// Alerts without anybody who could get them; the warning log has them.
  public var unaddressed: UInt64 = 0
  /// Alerts that were one too many to wait.
  public var dropped: UInt64 = 0
  /// What would have been an alert, had there not been one of its kind within the interval.
  public var suppressed: UInt64 = 0

  /// Nothing has happened.
  public init() {}
}
