import Logging
import MEDLoop
import ServiceLifecycle
import Testing

import func MEDTestSupport.eventually

@testable import MEDCore

@Suite("§15 Alerts on their way")
struct AlertsTests {
  private static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  private static func alerts(
    _ gateways: AlertGateways, receiver: String = "", stop: Duration = .zero, logger: Logger = silent
  ) -> Alerts {
    var settings = AlertSettings()
    settings.receiver = receiver
    settings.channel = "night"
    var timing = Alerts.Timing()
    timing.pauses = [.zero, .zero]
    timing.stop = stop
    return Alerts(gateways, settings: settings, timing: timing, logger: logger)
  }

  private static func alert(_ parameters: [String: String] = ["AlerterEmails": "a@x"]) -> Alert {
    AlertRouteTests.alert(parameters)
  }

  @Test func `an alert goes to all of its recipients, and is remembered as sent`() async throws {
    let (email, sms, platform) = (ScriptedGateway(), ScriptedGateway(), ScriptedGateway())
    let alerts = Self.alerts(.init(email: email, sms: sms, alarmPlatform: platform))
    try await alerts.whileRunning {
      alerts.raise(
        Self.alert(["AlerterEmails": "a@x,b@x", "AlerterPhoneNumbers": "138", "AlerterReceiver": "ops"]))
      try await eventually("it is sent") { alerts.condition.sent == 1 }
    }
    #expect(Set(email.recipients) == ["a@x", "b@x"] && sms.recipients == ["138"] && platform.recipients == ["ops"])
    #expect(platform.parcels.first?.channel == "night")
    let record = try #require(alerts.recent().first)
    #expect(record.state == .sent && record.deliveries.count == 4)
    #expect(record.deliveries.allSatisfy { $0.isDelivered && $0.tries == 1 && $0.problem == nil })
    #expect(alerts.condition.waiting == 0 && alerts.condition.raised == 1 && alerts.condition.failed == 0)
  }

  @Test func `one that isn't taken is tried three times, then it is in the error log with its text`() async throws {
    let email = ScriptedGateway(.failed("no 1"), .failed("no 2"), .failed("no 3"))
    let log = NotingLog()
    let alerts = Self.alerts(.init(email: email), logger: log.logger)
    try await alerts.whileRunning {
      alerts.raise(Self.alert())
      try await eventually("it has failed") { alerts.condition.failed == 1 }
      try await eventually("it is told") { log.lines.contains { $0.hasPrefix("error") } }
    }
    #expect(email.recipients.count == 3)
    let record = try #require(alerts.recent().first)
    #expect(record.state == .failed && record.deliveries.first?.tries == 3)
    #expect(record.deliveries.first?.problem == "no 3")
    let line = try #require(log.lines.first { $0.hasPrefix("error") })
    #expect(line.contains("s: c") && line.contains("email: no 3") && line.contains("352"))
    #expect(!line.contains("a@x"), "addresses aren't logged")
  }

  @Test func `one that is taken at the second try is sent, and one that is refused isn't tried again`() async throws {
    let email = ScriptedGateway(.failed("not yet"), .delivered, .refused("never"))
    let alerts = Self.alerts(.init(email: email))
    try await alerts.whileRunning {
      alerts.raise(Self.alert())
      try await eventually("it is sent") { alerts.condition.sent == 1 }
      alerts.raise(Self.alert())
      try await eventually("the other one has failed") { alerts.condition.failed == 1 }
    }
    #expect(email.recipients.count == 3)
  }

  @Test func `while a gateway takes nothing alerts get one try each, until it takes one`() async throws {
    let failures = [AlertOutcome](repeating: .failed("no"), count: 4)
    let email = ScriptedGateway()
    email.state.withLock { $0.outcomes = failures + [.delivered, .failed("no")] }
    let alerts = Self.alerts(.init(email: email))
    try await alerts.whileRunning {
      for (number, tries) in [3, 4, 5, 7].enumerated() {
        alerts.raise(Self.alert())
        try await eventually("it is over") { alerts.condition.sent + alerts.condition.failed == UInt64(number + 1) }
        #expect(email.recipients.count == tries)
      }
    }
    #expect(alerts.condition.failed == 2)
  }

  @Test func `a gateway that hangs holds up neither the others nor who raises`() async throws {
    let (email, sms) = (ScriptedGateway(), ScriptedGateway())
    email.hold()
    let alerts = Self.alerts(.init(email: email, sms: sms))
    try await alerts.whileRunning {
      for number in 0..<50 {
        alerts.raise(Self.alert(["AlerterEmails": "a@x", "AlerterPhoneNumbers": "\(number)"]))
      }
      try await eventually("all SMS are out") { sms.recipients.count == 50 }
      #expect(alerts.condition.waiting == 50)
      email.release()
      try await eventually("all are sent") { alerts.condition.sent == 50 }
    }
    #expect(email.state.withLock { $0.mostWaiting } == Alerts.width)
  }

  @Test func `a thousand alerts wait, further ones are dropped, counted and logged`() async throws {
    let email = ScriptedGateway()
    email.hold()
    let log = NotingLog()
    let alerts = Self.alerts(.init(email: email), logger: log.logger)
    try await alerts.whileRunning {
      for _ in 0..<Alerts.bound + 300 { alerts.raise(Self.alert()) }
      #expect(alerts.condition.waiting == 1_000 && alerts.condition.dropped == 300)
      #expect(log.lines.contains { $0.contains("too many alerts wait") })
      #expect(log.lines.count < 10, "not a line for each")
      #expect(alerts.recent().first?.number == 1_300 && alerts.recent().count == 200)
      #expect(alerts.recent().allSatisfy { $0.state == .dropped })
      email.release()
      try await eventually("the others are sent") { alerts.condition.sent == 1_000 }
      alerts.raise(Self.alert())
      try await eventually("there is room again") { alerts.condition.sent == 1_001 }
    }
    #expect(alerts.recent().count == Alerts.recentBound && alerts.recent(3).count == 3)
  }

  @Test func `those that wait for a gateway that hangs take no room of the others`() async throws {
    let (email, sms) = (ScriptedGateway(), ScriptedGateway())
    email.hold()
    let alerts = Self.alerts(.init(email: email, sms: sms))
    try await alerts.whileRunning {
      for numbers in [0..<Alerts.bound, Alerts.bound..<Alerts.bound + 300] {
        for number in numbers {
          alerts.raise(Self.alert(["AlerterEmails": "a@x", "AlerterPhoneNumbers": "\(number)"]))
        }
        try await eventually("all SMS are out") { sms.recipients.count == numbers.upperBound }
      }
      #expect(alerts.condition.dropped == 0)
      try await eventually("those without room are over") { alerts.condition.failed == 300 }
      #expect(alerts.recent(1).first?.deliveries.first?.problem == "too many wait for this gateway")
      email.release()
      try await eventually("the others are with all") { alerts.condition.sent == 1_000 }
    }
  }

  @Test func `one that nobody could get is in the warning log with its text`() async throws {
    let log = NotingLog()
    let alerts = Self.alerts(.init(email: ScriptedGateway()), logger: log.logger)
    alerts.raise(Self.alert(["AlerterReceiver": "ops"]))
    #expect(log.lines.contains { $0.hasPrefix("warning") && $0.contains("s: c") })
    let record = try #require(alerts.recent().first)
    #expect(record.state == .unaddressed && alerts.condition.unaddressed == 1)
    #expect(record.deliveries.map(\.problem) == ["no gateway is configured"])
  }

  @Test func `the default receiver's alert says so`() async throws {
    let platform = ScriptedGateway()
    let alerts = Self.alerts(.init(alarmPlatform: platform), receiver: "ops")
    try await alerts.whileRunning {
      alerts.raise(Self.alert([:]))
      try await eventually("it is sent") { alerts.condition.sent == 1 }
      var settings = AlertSettings()
      settings.receiver = "night"
      alerts.configure(settings)
      alerts.raise(Self.alert([:]))
      try await eventually("changed settings count") { alerts.condition.sent == 2 }
    }
    #expect(platform.recipients == ["ops", "night"])
    #expect(platform.parcels.allSatisfy { $0.alert.content.contains("names nobody who gets its alerts") })
  }

  @Test func `at a stop what waits is sent`() async throws {
    let email = ScriptedGateway()
    email.hold()
    let alerts = Self.alerts(.init(email: email), stop: .seconds(60))
    let group = ServiceGroup(configuration: .init(services: [alerts], logger: Self.silent))
    async let running: Void = group.run()
    for _ in 0..<20 { alerts.raise(Self.alert()) }
    try await eventually("they are under way") { email.recipients.count == Alerts.width }
    await group.triggerGracefulShutdown()
    email.release()
    try await running
    #expect(alerts.condition.sent == 20 && alerts.condition.waiting == 0)
  }

  @Test func `at a stop a gateway that hangs is cut off, and what it has not taken is logged`() async throws {
    let email = ScriptedGateway()
    email.hold()
    let log = NotingLog()
    let alerts = Self.alerts(.init(email: email), logger: log.logger)
    let group = ServiceGroup(configuration: .init(services: [alerts], logger: Self.silent))
    async let running: Void = group.run()
    for _ in 0..<20 { alerts.raise(Self.alert()) }
    try await eventually("some are under way") { email.recipients.count == Alerts.width }
    await group.triggerGracefulShutdown()
    try await running
    #expect(alerts.condition.failed == 20 && alerts.condition.waiting == 0)
    #expect(log.lines.count { $0.hasPrefix("error") && $0.contains("s: c") } == 20)
    alerts.raise(Self.alert())
    #expect(log.lines.contains { $0.contains("came too late") })
  }

  @Test func `a test is tried once on each recipient, remembered, and counted as no alert`() async throws {
    let (email, sms) = (ScriptedGateway(), ScriptedGateway(.failed("no")))
    let alerts = Self.alerts(.init(email: email, sms: sms))
    let many = (0..<40).map { "\($0)@x" }
    let record = await alerts.test(
      Self.alert([
        "AlerterEmails": many.joined(separator: ","), "AlerterPhoneNumbers": "138", "AlerterReceiver": "ops",
      ]))
    #expect(record.state == .failed)
    #expect(record.deliveries.map(\.recipient) == many + ["138", "ops"])
    #expect(record.deliveries.prefix(40).allSatisfy { $0.isDelivered })
    #expect(record.deliveries.suffix(2).map(\.problem) == ["no", "no gateway is configured"])
    #expect(record.deliveries.suffix(2).map(\.tries) == [1, 0])
    #expect(alerts.recent() == [record] && alerts.condition == AlertsState())
  }
}

/// Keeps what is logged.
private final class NotingLog: Sendable {
  private let noted = Locked<[String]>([])

  var lines: [String] { noted.withLock { $0 } }

  var logger: Logger { Logger(label: "test", factory: { [noted] _ in Handler(noted: noted) }) }

  private struct Handler: LogHandler {
    let noted: Locked<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let details = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.joined(separator: " ")
      noted.withLock { $0.append("\(event.level) \(event.message) \(details)") }
    }
  }
}
