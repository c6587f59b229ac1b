/// What parameters that are absent are taken from, and the bounds that the configuration sets (SPEC §17).
public struct SubscriptionDefaults: Sendable, Equatable {
  public var sendersPerChannel = 1
  public var maxSendersPerChannel = 10
  public var sendersPerRetryChannel = 1
  public var maxSendersPerRetryChannel = 10
  /// `IntervalOfSendingForSendRoutine`
  public var intervalOfSendingMilliseconds = 0
  /// `DefaultMaxMessageProcessTime`
  public var processTimeoutMilliseconds = 5_000
  /// `MaxMessageProcessTime`
  public var maxProcessTimeoutMilliseconds = 30_000

  public init() {}
}
