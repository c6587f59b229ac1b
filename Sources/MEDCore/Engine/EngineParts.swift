import Logging

/// The outside world that an engine works with, by its ports.
struct EngineParts: Sendable {
  let queue: any MessageQueue
  /// nil: messages are distributed to their channels and not pushed.
  var pusher: (any Pusher)?
  let subscriptions: any SubscriptionStore
  let dataLog: any DataLog
  /// For what drop policies keep out of channels; nil: the DATA log.
  var dropLog: (any DataLog)?
  /// nil: failures are in the DATA log alone.
  var failureLog: (any FailureLog)?
  /// nil: no alerts are raised.
  var alerts: Alerts?
  /// nil: there are no recover lists.
  var recoverLists: (any RecoverLists)?
  var recovery = RecoveryConfiguration()
  let logger: Logger
}
