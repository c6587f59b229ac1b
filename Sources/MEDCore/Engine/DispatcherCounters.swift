/// What a dispatcher has done since it started.
public struct DispatcherCounters: Codable, Sendable, Equatable {
  /// Messages taken from the main queue.
  public var received: UInt64 = 0
  /// Copies confirmed in channels.
  public var copies: UInt64 = 0
  /// Messages of topics without subscription.
  public var unsubscribed: UInt64 = 0
  /// Bytes that were no message.
  public var undecodable: UInt64 = 0
  /// Copies that no queue server took, recorded.
  public var redistributionFailures: UInt64 = 0
  /// Pushes that were acknowledged.
  public var delivered: UInt64 = 0
  /// Pushes that were not.
  public var failedPushes: UInt64 = 0
  /// Messages put into a retry channel.
  public var retried: UInt64 = 0
  /// Given up after the last retry.
  public var exhausted: UInt64 = 0
  /// Messages without a URL to push to.
  public var dropped: UInt64 = 0
  /// Copies kept out of their channel by its drop policy.
  public var droppedByPolicy: UInt64 = 0
  /// Messages of the recover lists that were put into the main queue.
  public var recovered: UInt64 = 0
  /// Messages of the recover lists that no queue server took and that went back there.
  public var recoverPutBacks: UInt64 = 0
  /// Entries of the recover lists that were recorded (RECOVFAIL…).
  public var recoverFailures: UInt64 = 0

  /// All zero.
  public init() {}
}
