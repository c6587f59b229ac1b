import Logging

/// Alerts: looked at, and tried.
extension Control {
  /// The latest alerts, the latest first; of ``Alerts/recentBound`` that are remembered.
  /// - Throws: `.unavailable` if none are raised here.
  public func alerts(limit: Int = Alerts.recentBound) throws(ControlError) -> [AlertRecord] {
    try alertService().recent(limit)
  }

  /// How alerts do since the start.
  /// - Throws: `.unavailable` if none are raised here.
  public func alertsState() async throws(ControlError) -> AlertsState {
    var state = try alertService().condition
    state.suppressed = await dispatcher.runner.door.enter { $0.context.alerts?.suppressed ?? 0 } ?? 0
    return state
  }

  /// Sends a test to all who get alerts about a subscription, once, and waits for what comes of it. Neither `AlerterEnabled`
  /// nor its interval keeps it back.
  /// - Throws: `.notFound`, `.unavailable`.
  public func testAlert(of id: Int) async throws(ControlError) -> (subject: AlertSubject, record: AlertRecord) {
    let alerts = try alertService()
    let subject = try await alertSubject(id)
    logger.info("a test alert is sent by a command", metadata: [LogKey.subscription: "\(id)"])
    return (subject, await alerts.test(.test(subject)))
  }

  /// As it is in force if the subscription is live here, otherwise as the store has it.
  private func alertSubject(_ id: Int) async throws(ControlError) -> AlertSubject {
    let known = await dispatcher.runner.door.enter { engine in
      (engine.context.directory.channel(id).map { AlertSubject($0) }, engine.context.configuration.channelRules)
    }
    guard let (subject, rules) = known else { throw Self.notRunning }
    if let subject { return subject }
    guard store != nil else { throw Self.noSubscription(id) }
    return AlertSubject(try await subscription(id).subscription, rules)
  }

  private func alertService() throws(ControlError) -> Alerts {
    guard let alerts else { throw ControlError(.unavailable, "no alerts are raised here") }
    return alerts
  }
}

extension AlertRecord {
  /// What came of a test, for the admin API and tools.
  public func testJSON(_ subject: AlertSubject) -> JSONValue {
    guard case .object(var members) = json else { return json }
    members["delivered"] = .boolean(state == .sent)
    members["alerter_enabled"] = .boolean(subject.isEnabled)
    members["has_urls"] = .boolean(subject.hasTargets)
    return .object(members)
  }
}
