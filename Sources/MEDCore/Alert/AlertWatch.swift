/// Raises alerts (SPEC §15): hears of failed pushes from lanes and of backlogs from samplers. Confined to the engine's loop.
///
/// A push that is delivered never comes here, and what is idle has no entry anywhere. For a failed push it costs a look into
/// two tables.
final class AlertWatch {
  private unowned let context: EngineContext
  private let alerts: Alerts
  private let host: String
  /// Of subscriptions that have failed of late.
  private var windows: [Int: FailureWindow] = [:]
  private var sweepAt = AlertWatch.fewest
  private var pace = AlertPace()
  /// What would have been an alert, had there not been one within its interval.
  private(set) var suppressed: UInt64 = 0

  /// So many windows are looked through for old ones when they have become twice as many.
  private static let fewest = 1_024

  init(_ context: EngineContext, _ alerts: Alerts, host: String) {
    self.context = context
    self.alerts = alerts
    self.host = host
  }

  /// Hears of all samples from now on.
  func watchBacklog() {
    context.backlog.onSample = { [weak self] in self?.sampled($0) }
    context.backlog.onMainQueueSample = { [weak self] in self?.mainQueueSampled() }
  }

  /// Subscriptions whose failures are counted.
  var watched: Int { windows.count }

  private var now: Duration { context.actor.loop.now - context.origin }
  private var text: AlertText { AlertText(host: host, time: .now()) }

  /// `AlerterEnabled` silences all about a subscription; one without a URL isn't meant to get anything.
  private func isSilent(_ channel: SubscribedChannel) -> Bool {
    !channel.parameters.alerterEnabled || channel.targets.isEmpty
  }

  private func mayRaise(_ kind: Alert.Kind, about subscription: Int?, every interval: Duration) -> Bool {
    if pace.lets(kind, about: subscription, every: interval, at: now) { return true }
    suppressed += 1
    return false
  }

  // MARK: Failed pushes

  func pushFailed(_ channel: SubscribedChannel, _ failure: AlertText.Failure) {
    guard !isSilent(channel) else { return }
    let parameters = channel.parameters
    let failures = countFailure(channel.id, within: parameters.intervalOfErrorMonitorAlert)
    if failures >= max(1, parameters.subscriptionTotalFailureAlertThreshold),
      mayRaise(.subscriptionFails, about: channel.id, every: parameters.alarmInterval)
    {
      alerts.raise(text.subscriptionFails(channel, failures: failures, failure))
    }
    if failure.retryTimes >= UInt64(max(1, parameters.messageFailureAlertThreshold)),
      mayRaise(.messageFails, about: channel.id, every: parameters.alarmInterval)
    {
      alerts.raise(text.messageFails(channel, failure, context.configuration.retrySchedule))
    }
  }

  /// A window of another length begins anew.
  private func countFailure(_ subscription: Int, within length: Duration) -> Int {
    var window = windows[subscription] ?? FailureWindow(length: length)
    windows[subscription] = nil
    if window.length != length { window = FailureWindow(length: length) }
    let failures = window.count(at: now)
    windows[subscription] = window
    sweep()
    return failures
  }

  private func sweep() {
    guard windows.count >= sweepAt else { return }
    let now = now
    windows = windows.filter { !$0.value.isOver(at: now) }
    sweepAt = max(Self.fewest, 2 * windows.count)
  }

  // MARK: Backlogs

  private func sampled(_ queue: Backlog.Queue) {
    if let channel = context.directory.channel(queue.subscription), !isSilent(channel) {
      let ready = context.backlog.backlog(of: queue.subscription, queue.kind).ready
      if ready > channel.parameters.messageBlockedAlertThreshold,
        mayRaise(.channelBlocked, about: channel.id, every: channel.parameters.alarmInterval)
      {
        alerts.raise(text.channelBlocked(channel, queue.kind, ready: ready))
      }
    }
    lookAtAllChannels(alerts.settings)
  }

  private func mainQueueSampled() {
    let settings = alerts.settings
    let ready = context.backlog.ofMainQueue.ready
    if settings.mainQueueBlockedThreshold > 0, ready > settings.mainQueueBlockedThreshold,
      mayRaise(.mainQueueBlocked, about: nil, every: settings.globalBlockedAlarmInterval)
    {
      alerts.raise(text.mainQueueBlocked(context.configuration.mainQueue, ready: ready, settings))
    }
    // A round may be about the main queue alone.
    lookAtAllChannels(settings)
  }

  private func lookAtAllChannels(_ settings: AlertSettings) {
    guard settings.globalBlockedThreshold > 0 else { return }
    let ready = context.backlog.readyInAllChannels
    if ready > settings.globalBlockedThreshold,
      mayRaise(.allChannelsBlocked, about: nil, every: settings.globalBlockedAlarmInterval)
    {
      alerts.raise(text.allChannelsBlocked(ready: ready, settings))
    }
  }
}
