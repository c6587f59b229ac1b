/// What parameters that are absent are taken from, and the bounds that the configuration sets (SPEC §17).
public struct SubscriptionDefaults: Sendable, Equatable {
  /// Concurrency of a subscription that names none.
  public var sendersPerChannel = 1
  /// The most that Concurrency may be.
  public var maxSendersPerChannel = 10
  /// ConcurrencyOfRetry of a subscription that names none.
  public var sendersPerRetryChannel = 1
  /// The most that ConcurrencyOfRetry may be.
  public var maxSendersPerRetryChannel = 10
  /// `IntervalOfSendingForSendRoutine`
  public var intervalOfSendingMilliseconds = 0
  /// `DefaultMaxMessageProcessTime`
  public var processTimeoutMilliseconds = 5_000
  /// `MaxMessageProcessTime`
  public var maxProcessTimeoutMilliseconds = 30_000

  /// The defaults.
  public init() {}
}
