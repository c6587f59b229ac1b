/// Alerts in words. Contents of messages are never in them.
struct AlertText {
  /// How this host names itself.
  let host: String
  let time: RecordTime

  /// The latest failure of a subscription.
  struct Failure {
    let jobID: String
    let retryTimes: UInt64
    let target: Target
    let reason: String

    /// Without a query, which may hold secrets.
    var shown: String { "\(target.description.prefix { $0 != "?" }): \(reason)" }
  }

  func subscriptionFails(_ channel: SubscribedChannel, failures: Int, _ latest: Failure) -> Alert {
    let window = Self.span(channel.parameters.intervalOfErrorMonitorAlert)
    let what = "\(failures == 1 ? "1 push" : "\(failures) pushes") failed within \(window)"
    let threshold = max(1, channel.parameters.subscriptionTotalFailureAlertThreshold)
    return alert(
      .subscriptionFails, channel, what,
      ["\(what); alerts begin at \(threshold).", "The latest failure: \(latest.shown)"])
  }

  func messageFails(_ channel: SubscribedChannel, _ failure: Failure, _ schedule: RetrySchedule) -> Alert {
    alert(
      .messageFails, channel, "\(Self.retries(failure.retryTimes)) of a message failed",
      [
        "The message \(failure.jobID) has failed, and so did \(Self.retries(failure.retryTimes)) of it; alerts begin at"
          + " \(max(1, channel.parameters.messageFailureAlertThreshold)).",
        Self.future(after: failure.retryTimes, schedule),
        "The latest failure: \(failure.shown)",
      ])
  }

  func channelBlocked(_ channel: SubscribedChannel, _ kind: Lane.Kind, ready: Int) -> Alert {
    let place = kind == .channel ? "channel" : "retry channel"
    return alert(
      .channelBlocked, channel, "\(ready) messages wait in its \(place)",
      [
        "\(ready) messages wait in its \(place) to be pushed; alerts begin above"
          + " \(channel.parameters.messageBlockedAlertThreshold)."
      ])
  }

  func allChannelsBlocked(ready: Int, _ settings: AlertSettings) -> Alert {
    blocked(.allChannelsBlocked, "all channels together", ready, above: settings.globalBlockedThreshold, settings)
  }

  func mainQueueBlocked(_ name: TubeName, ready: Int, _ settings: AlertSettings) -> Alert {
    blocked(.mainQueueBlocked, "the main queue \(name)", ready, above: settings.mainQueueBlockedThreshold, settings)
  }

  /// For who wants to know whether alerts arrive.
  func test(_ subject: AlertSubject) -> Alert {
    Alert(
      .test, about: subject, subject: "[medispatcher] \(subject.topic)/\(subject.subscription): a test alert",
      content: """
        Subscription \(subject.subscription) of the topic \(subject.topic).
        This is a test: somebody wants to know whether alerts arrive. Nothing has happened.
        From the dispatcher on \(host), \(time)
        """, host: host, time: time)
  }

  // MARK: -

  private func alert(_ kind: Alert.Kind, _ channel: SubscribedChannel, _ what: String, _ lines: [String]) -> Alert {
    let lines =
      ["Subscription \(channel.id) of the topic \(channel.topic)."] + lines + [
        from, Self.next(channel.parameters.alarmInterval),
      ]
    return Alert(
      kind, about: AlertSubject(channel), subject: "[medispatcher] \(channel.topic)/\(channel.id): \(what)",
      content: lines.joined(separator: "\n"), host: host, time: time)
  }

  private func blocked(
    _ kind: Alert.Kind, _ place: String, _ ready: Int, above threshold: Int, _ settings: AlertSettings
  ) -> Alert {
    Alert(
      kind, subject: "[medispatcher] \(host): \(ready) messages wait in \(place)",
      content: """
        \(ready) messages wait in \(place); alerts begin above \(threshold).
        \(from)
        \(Self.next(settings.globalBlockedAlarmInterval))
        """, host: host, time: time)
  }

  private var from: String { "From the dispatcher on \(host), \(time)" }

  private static func next(_ interval: Duration) -> String {
    "There is no other alert of this kind for \(span(interval))."
  }

  private static func retries(_ number: UInt64) -> String { number == 1 ? "1 retry" : "\(number) retries" }

  /// How long it is until the message is given up, as far as the schedule knows.
  private static func future(after failed: UInt64, _ schedule: RetrySchedule) -> String {
    guard !schedule.givesUp(after: failed) else {
      return "It is given up: the DATA log has it (EXHAUSTED)."
    }
    let left = schedule.maximumRetries - failed
    // The config file allows a thousand; whoever embeds the dispatcher may have more.
    let seconds = (0..<min(left, 1_000)).reduce(0) { $0 + Int64(schedule.delay(after: failed + $1)) }
    let more = left > 1_000 ? "more than " : ""
    return
      "It is given up in \(more)\(span(.seconds(seconds))), if \(retries(left)) more \(left == 1 ? "fails" : "fail")."
  }

  /// The two largest units: `7 h 10 min`.
  static func span(_ duration: Duration) -> String {
    let seconds = max(0, duration.components.seconds)
    let units: [(name: String, size: Int64)] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]
    // 180 s is what the config file says, so it stays that.
    guard seconds >= 600, let first = units.firstIndex(where: { seconds >= $0.size }) else { return "\(seconds) s" }
    let (large, small) = (units[first], units[min(first + 1, units.count - 1)])
    let rest = seconds % large.size / small.size
    return "\(seconds / large.size) \(large.name)" + (rest > 0 ? " \(rest) \(small.name)" : "")
  }
}

extension Alert {
  /// For who wants to know whether alerts about a subscription arrive.
  public static func test(_ subject: AlertSubject, host: String = HostAddress.first()) -> Alert {
    AlertText(host: host, time: .now()).test(subject)
  }
}
