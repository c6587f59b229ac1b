import Testing

@testable import MEDCore

@Suite("§15 Who gets an alert")
struct AlertRouteTests {
  static func alert(_ parameters: [String: String], _ kind: Alert.Kind = .channelBlocked) -> Alert {
    let subscription = Subscription(
      id: 352, topic: "order_paid", receptionChannel: "http://127.0.0.1/", parameters: parameters)
    return Alert(
      kind, about: AlertSubject(subscription, ChannelRules()), subject: "s", content: "c", host: "h",
      time: RecordTime(microseconds: 0))
  }

  private static let all = [
    "AlerterEmails": "a@x, b@x,,a@x ", "AlerterPhoneNumbers": "138,139", "AlerterReceiver": "ops, night",
  ]

  private static func settings(_ receiver: String) -> AlertSettings {
    var settings = AlertSettings()
    settings.receiver = receiver
    return settings
  }

  private func stops(_ route: AlertRoute) -> [String] { route.stops.map { "\($0.way.rawValue) \($0.recipient)" } }

  @Test func `each mail address and phone number gets its own, once, and the platform one text as it is`() {
    let route = AlertRoute(Self.alert(Self.all), over: Set(AlertWay.allCases), Self.settings("nobody else"))
    #expect(stops(route) == ["email a@x", "email b@x", "sms 138", "sms 139", "alarm_platform ops, night"])
    #expect(route.missing.isEmpty && route.note == nil)
  }

  @Test func `a way without a gateway is missing, and the others have it`() {
    let route = AlertRoute(Self.alert(Self.all), over: [.sms], Self.settings("ops"))
    #expect(stops(route) == ["sms 138", "sms 139"])
    #expect(route.missing.map(\.recipient) == ["a@x", "b@x", "ops, night"])
    #expect(route.note == nil)
  }

  @Test func `without recipients the default receiver gets it over the alarm platform, and it says so`() {
    let route = AlertRoute(Self.alert([:]), over: Set(AlertWay.allCases), Self.settings(" ops "))
    #expect(stops(route) == ["alarm_platform ops"])
    #expect(route.note?.contains("names nobody") == true)
  }

  @Test func `so it does if there is no gateway to any of them`() {
    let route = AlertRoute(
      Self.alert(["AlerterEmails": "a@x"]), over: [.alarmPlatform], Self.settings("ops"))
    #expect(stops(route) == ["alarm_platform ops"])
    #expect(route.note?.contains("no gateway") == true)
    #expect(route.missing.map(\.recipient) == ["a@x"])
  }

  @Test func `an alert about the whole dispatcher is the default receiver's, without a word about it`() {
    let alert = Alert(.mainQueueBlocked, subject: "s", content: "c", host: "h", time: RecordTime(microseconds: 0))
    let route = AlertRoute(alert, over: [.alarmPlatform, .email], Self.settings("ops"))
    #expect(stops(route) == ["alarm_platform ops"])
    #expect(route.note == nil)
  }

  @Test(arguments: [("", AlertWay.allCases), ("ops", [.email, .sms])])
  func `without a default receiver, or a platform, nobody gets it`(receiver: String, ways: [AlertWay]) {
    #expect(AlertRoute(Self.alert([:]), over: Set(ways), Self.settings(receiver)).stops.isEmpty)
  }

  @Test func `a hundred recipients of a way are named, further ones are passed over`() {
    let many = (0..<500).map { "\($0)" }.joined(separator: ",")
    let recipients = AlertRecipients(emails: many, phoneNumbers: many)
    #expect(recipients[.email].count == AlertRecipients.maximum && AlertRecipients.maximum == 100)
    #expect(recipients[.sms].last == "99")
  }

  @Test func `what a command has set wins over the config file, one by one`() {
    var file = Self.settings("file")
    file.channel = "file"
    file.globalBlockedThreshold = 7
    var set = DefaultAlarm()
    set.receiver = "command"
    set.globalBlockedAlarmSeconds = 5
    set.mainQueueBlockedThreshold = 0
    let settings = file.overlaid(by: set)
    #expect(settings.receiver == "command" && settings.channel == "file" && settings.globalBlockedThreshold == 7)
    #expect(settings.globalBlockedAlarmInterval == .seconds(5) && settings.mainQueueBlockedThreshold == 0)
  }
}
