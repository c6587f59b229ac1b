import MEDCore

extension Settings {
  /// What subscriptions without parameters of their own have, and the bounds of those parameters.
  public var subscriptionDefaults: SubscriptionDefaults {
    var defaults = SubscriptionDefaults()
    defaults.sendersPerChannel = sendersPerChannel
    defaults.maxSendersPerChannel = maximumSendersPerChannel
    defaults.sendersPerRetryChannel = sendersPerRetryChannel
    defaults.maxSendersPerRetryChannel = maximumSendersPerRetryChannel
    defaults.intervalOfSendingMilliseconds = Self.milliseconds(sendingInterval)
    defaults.processTimeoutMilliseconds = Self.milliseconds(defaultProcessTime)
    defaults.maxProcessTimeoutMilliseconds = Self.milliseconds(maximumProcessTime)
    return defaults
  }

  public var parameterTable: ParameterTable { ParameterTable(subscriptionDefaults) }

  private static func milliseconds(_ duration: Duration) -> Int {
    Int(clamping: duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000)
  }
}
