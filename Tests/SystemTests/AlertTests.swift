import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§15 Alerts of a running dispatcher", .showsServerOutput)
struct AlertTests {
  private static let failing = ["SubscriptionTotalFailureAlertThreshold": "3"]
  /// Each message fails once and is given up.
  private static let once = ["MaxRetryTimesOfSendingMessage": "0"]

  @Test func `a subscription that fails too often raises one alert, to everybody on every way`() async throws {
    let place = try await AlertPlace.start(settings: Self.once)
    let id = try await place.system.subscribe(parameters: AlertPlace.parameters(Self.failing)) { _ in
      .refuse(.status(500))
    }
    try await place.system.startDispatcher()
    try place.system.publish(0..<2)
    try await place.system.waitUntilEmpty()
    #expect(try place.count("raised") == 0, "two failures are no three")
    try place.system.publish(2..<10)
    try await place.system.waitUntilEmpty()
    try await eventually("it is sent") { try place.count("sent") == 1 }

    let mails = place.gateways.requests("/email")
    #expect(Set(mails.compactMap { $0.field("Recipient") }) == ["a@x.example", "b@x.example"] && mails.count == 2)
    let mail = try #require(mails.first)
    #expect(mail.field("Subject") == "[medispatcher] order_paid/\(id): 3 pushes failed within 180 s")
    #expect(mail.field("User") == "me" && mail.field("From") == "medispatcher@x.example")
    #expect(mail.field("Content")?.contains("HTTP status 500") == true)
    #expect(place.gateways.requests("/sms").map { $0.field("Recipient") } == ["13800000000"])
    let platform = try #require(place.platform.first)
    #expect(platform["Recipient"] as? String == "owners" && platform["subscription"] as? Int == id)
    #expect(platform["kind"] as? String == "subscription_fails" && platform["topic"] as? String == "order_paid")
    #expect(place.platform.count == 1)
    // Seven more failures would have been alerts.
    #expect(try place.count("suppressed") == 7 && place.count("raised") == 1 && place.count("waiting") == 0)
    #expect(try await place.stop() == .code(0))
    #expect(!place.logs.contains("s3cret-at-the-gateway") && !place.logs.contains("a@x.example"))
    let texts = place.gateways.requests.map(\.text).joined()
    #expect(!texts.contains(MessageMark.text(5)), "no message is in an alert")
  }

  @Test func `it comes again when its interval is over`() async throws {
    let place = try await AlertPlace.start(settings: Self.once)
    try await place.system.subscribe(
      parameters: AlertPlace.parameters(["SubscriptionTotalFailureAlertThreshold": "1", "AlarmInterval": "1"])
    ) { _ in .refuse(.status(500)) }
    try await place.system.startDispatcher()
    var number = 0
    try await eventually("three were sent", every: .milliseconds(200)) {
      try place.system.publish(number..<number + 1)
      number += 1
      return place.platform.count >= 3
    }
    #expect(try place.count("suppressed") > 0)
    #expect(try await place.stop() == .code(0))
  }

  @Test func `a message that was retried too often raises one that says when it is given up`() async throws {
    let place = try await AlertPlace.start(
      settings: ["MaxRetryTimesOfSendingMessage": "3", "CoeOfIntervalForRetrySendingMsg": "0"])
    let id = try await place.system.subscribe(
      parameters: AlertPlace.parameters(["MessageFailureAlertThreshold": "2"])
    ) { _ in .refuse(.status(500)) }
    try await place.system.startDispatcher()
    try place.system.publish(0..<1)
    try await place.system.waitUntilEmpty()
    try await eventually("it is sent") { try place.count("sent") == 1 }
    let alert = try #require(place.platform.first)
    #expect(alert["kind"] as? String == "message_fails" && alert["subscription"] as? Int == id)
    let content = try #require(alert["Content"] as? String)
    #expect(content.contains("so did 2 retries of it; alerts begin at 2."))
    #expect(content.contains("It is given up in 0 s, if 1 retry more fails."), "\(content)")
    #expect(try await place.stop() == .code(0))
  }

  @Test func `a channel that is too full raises one`() async throws {
    let place = try await AlertPlace.start()
    let id = try await place.system.subscribe(
      parameters: AlertPlace.parameters(["MessageBlockedAlertThreshold": "20"]))
    place.system.receiver.hold(place.system.path(id))
    try await place.system.startDispatcher()
    try place.system.publish(0..<50)
    try await eventually("it is sent") { place.kinds() == ["channel_blocked"] }
    let content = try #require(place.platform.first?["Content"] as? String)
    #expect(content.contains("messages wait in its channel to be pushed; alerts begin above 20."))
    place.system.receiver.release(place.system.path(id))
    try await place.system.waitUntilEmpty()
    #expect(place.kinds() == ["channel_blocked"])
    #expect(try await place.stop() == .code(0))
  }

  @Test func `all channels together, and the main queue, raise one each for the default receiver`() async throws {
    let place = try await AlertPlace.start(settings: [
      "GlobalMessageBlockedAlertThreshold": "30", "NameOfMainQueueBlockedAlertThreshold": "60",
      "DefaultAlarmReceiver": "\"ops\"", "DefaultAlarmChan": "\"night\"",
    ])
    let system = place.system
    let ids = [
      try await system.subscribe("one", parameters: AlertPlace.parameters()),
      try await system.subscribe("two", parameters: AlertPlace.parameters()),
    ]
    for id in ids { system.receiver.hold(system.path(id)) }
    try await system.startDispatcher()
    try system.publish(0..<25, topic: "one")
    try system.publish(25..<50, topic: "two")
    try await eventually("all channels") { place.kinds() == ["all_channels_blocked"] }
    // From a paused tube nothing is taken.
    let client = try system.server.client()
    _ = try client.ask("pause-tube \(SystemHarness.mainQueue) 3600")
    try system.publish(50..<130, topic: "one")
    try await eventually("the main queue") { place.kinds() == ["all_channels_blocked", "main_queue_blocked"] }
    for alert in place.platform {
      #expect(alert["Recipient"] as? String == "ops" && alert["channel"] as? String == "night")
      #expect(alert["subscription"] is NSNull && alert["topic"] is NSNull)
    }
    #expect(place.gateways.count("/email") == 0 && place.gateways.count("/sms") == 0)
    _ = try client.ask("pause-tube \(SystemHarness.mainQueue) 0")
    for id in ids { system.receiver.release(system.path(id)) }
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(place.kinds().count == 2, "one each in the interval")
    #expect(try await place.stop() == .code(0))
  }

  @Test func `AlerterEnabled and a missing URL silence a subscription, and no other one`() async throws {
    let place = try await AlertPlace.start(settings: Self.once)
    let system = place.system
    let parameters = AlertPlace.parameters([
      "SubscriptionTotalFailureAlertThreshold": "1", "MessageBlockedAlertThreshold": "5",
    ])
    let silent = try await system.subscribe(parameters: parameters.merging(["AlerterEnabled": "0"]) { $1 }) { _ in
      .refuse(.status(500))
    }
    try await system.subscribe(
      parameters: parameters.merging(["ReceptionUri": "[T_ENV:other]\(system.receiver.url("/x"))"]) { $1 })
    let loud = try await system.subscribe(parameters: parameters) { _ in .refuse(.status(500)) }
    for id in [silent, loud] { system.receiver.hold(system.path(id)) }
    try await system.startDispatcher()
    try system.publish(0..<50)
    try await eventually("its channel is too full") { place.kinds() == ["channel_blocked"] }
    for id in [silent, loud] { system.receiver.release(system.path(id)) }
    try await system.waitUntilEmpty()
    try await eventually("it fails too often") { place.kinds() == ["channel_blocked", "subscription_fails"] }
    #expect(place.platform.allSatisfy { $0["subscription"] as? Int == loud })
    #expect(try place.count("raised") == 2)
    #expect(try await place.stop() == .code(0))
  }

  @Test func `without recipients the default receiver gets it and is told so, and SetDefaultAlarm changes who that is`()
    async throws
  {
    let place = try await AlertPlace.start(
      settings: Self.once.merging(["DefaultAlarmReceiver": "\"ops\"", "DefaultAlarmChan": "\"day\""]) { $1 })
    let system = place.system
    try await system.subscribe(
      parameters: AlertPlace.parameters(AlertPlace.nobody).merging([
        "SubscriptionTotalFailureAlertThreshold": "1", "AlarmInterval": "1",
      ]) { $1 }
    ) { _ in .refuse(.status(500)) }
    try await system.startDispatcher()
    try system.publish(0..<1)
    try await eventually("it is sent") { place.platform.count == 1 }
    let first = try #require(place.platform.first)
    #expect(first["Recipient"] as? String == "ops" && first["channel"] as? String == "day")
    let content = try #require(first["Content"] as? String)
    #expect(content.contains("The subscription names nobody who gets its alerts, so the default receiver does."))

    let answer = try place.call("SetDefaultAlarm", #"{"default_alarm_receiver":"night","default_alarm_chan":"sms"}"#)
    #expect(answer == "ok")
    var number = 1
    func fail(until recipient: String) async throws {
      try await eventually("\(recipient) gets one", every: .milliseconds(200)) {
        try system.publish(number..<number + 1)
        number += 1
        return place.platform.last?["Recipient"] as? String == recipient
      }
    }
    try await fail(until: "night")
    #expect(place.platform.last?["channel"] as? String == "sms")
    // The command's word wins over the config file, also over a restart.
    try await system.reload(["DefaultAlarmReceiver": "\"somebody else\""])
    #expect(try await place.stop() == .code(0))
    try await system.startDispatcher()
    place.gateways.forget()
    try await fail(until: "night")
    #expect(place.platform.allSatisfy { $0["Recipient"] as? String == "night" })
    #expect(try await place.stop() == .code(0))
  }

  @Test func `SetDefaultAlarm's thresholds are in force at once`() async throws {
    let place = try await AlertPlace.start(settings: ["DefaultAlarmReceiver": "\"ops\""])
    let id = try await place.system.subscribe(parameters: AlertPlace.parameters())
    place.system.receiver.hold(place.system.path(id))
    try await place.system.startDispatcher()
    try place.system.publish(0..<50)
    try await eventually("all are in the channel") {
      try place.system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    #expect(place.kinds().isEmpty)
    #expect(try place.call("SetDefaultAlarm", #"{"global_message_blocked_alert_threshold":20}"#) == "ok")
    try await eventually("it is sent") { place.kinds() == ["all_channels_blocked"] }
    place.system.receiver.release(place.system.path(id))
    try await place.system.waitUntilEmpty()
    #expect(try await place.stop() == .code(0))
  }

  @Test func `a gateway that hangs delays neither pushes nor other gateways, nor a stop`() async throws {
    let place = try await AlertPlace.start(settings: Self.once)
    let system = place.system
    place.gateways.on("/email", .hang)
    let parameters = AlertPlace.parameters(["SubscriptionTotalFailureAlertThreshold": "1"])
    for _ in 0..<20 { try await system.subscribe("broken", parameters: parameters) { _ in .refuse(.status(500)) } }
    try await system.subscribe(parameters: ["Concurrency": "10"])
    try await system.startDispatcher()
    try system.publish(0..<20, topic: "broken")
    try await eventually("the other gateways have all") {
      place.gateways.count("/sms") == 20 && place.gateways.count("/platform") == 20
    }
    try await eventually("mails hang") { place.gateways.inFlight("/email") > 0 }
    #expect(try place.count("waiting") > 0)
    try system.publish(20..<520)
    try await eventually("all are delivered") { system.ledger.accepted.count == 500 }
    #expect(try place.count("waiting") > 0)
    #expect(try await place.stop() == .code(0))
    #expect(place.system.count("an alert wasn't sent", in: "error") == 20)
    #expect(place.system.log("error").contains("1 push failed within 180 s"), "its text isn't lost")
  }

  @Test func `a gateway that is broken is tried again, and then the error log has the text`() async throws {
    let place = try await AlertPlace.start(settings: Self.once, configured: ["sms"])
    place.gateways.on("/sms", .status(500))
    try await place.system.subscribe(parameters: AlertPlace.parameters(["SubscriptionTotalFailureAlertThreshold": "1"]))
    {
      _ in .refuse(.status(500))
    }
    try await place.system.startDispatcher()
    try place.system.publish(0..<1)
    try await eventually("it has failed", within: .seconds(60)) { try place.count("failed") == 1 }
    #expect(place.gateways.count("/sms") == 3)
    try await eventually("it is told") { place.system.log("error").contains("an alert wasn't sent to everybody") }
    #expect(place.system.log("error").contains("1 push failed within 180 s"))
    #expect(place.system.log("warn").contains("an alert gateway doesn't take alerts"))
    #expect(try await place.stop() == .code(0))
    #expect(!place.logs.contains("s3cret-at-the-gateway") && !place.logs.contains("13800000000"))
  }

  @Test func `the local mail program gets mails`() async throws {
    let directory = try TemporaryDirectory("mail")
    try directory.write("#!/bin/sh\ncat >> '\(directory.file("mail"))'\n", to: "sendmail")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.file("sendmail"))
    let place = try await AlertPlace.start(
      settings: Self.once, configured: ["email"], email: "sendmail://\(directory.file("sendmail"))")
    try await place.system.subscribe(parameters: AlertPlace.parameters(["SubscriptionTotalFailureAlertThreshold": "1"]))
    {
      _ in .refuse(.status(500))
    }
    try await place.system.startDispatcher()
    try place.system.publish(0..<1)
    try await eventually("it is sent") { try place.count("sent") == 1 }
    let mail = directory.read("mail")
    #expect(mail.contains("\nTo: a@x.example\n") && mail.contains("\nTo: b@x.example\n"))
    #expect(mail.contains("From: medispatcher@x.example\n"))
    #expect(try await place.stop() == .code(0))
  }

  @Test func `gateways, templates and default receivers are reloaded live`() async throws {
    let place = try await AlertPlace.start(settings: Self.once, configured: [])
    let system = place.system
    try await system.subscribe(
      parameters: AlertPlace.parameters(["SubscriptionTotalFailureAlertThreshold": "1", "AlarmInterval": "1"])
    ) { _ in .refuse(.status(500)) }
    try await system.startDispatcher()
    try system.publish(0..<1)
    try await eventually("it is told", within: .seconds(20)) {
      system.log("warn").contains("an alert has nobody who could get it")
    }
    var number = 1
    func fail(until condition: () -> Bool) async throws {
      try await eventually("it is sent", every: .milliseconds(200)) {
        try system.publish(number..<number + 1)
        number += 1
        return condition()
      }
    }
    try await system.reload([
      "AlerterEmail.Gateway": "\"\(place.gateways.url("/new"))\"", "AlerterEmail.AckStr": "\"OK\"",
    ])
    try await fail { place.gateways.count("/new") > 0 }
    let templates = try system.directory.directory("templates")
    try system.directory.write("changed: {@Subject@}", to: "templates/MessageSendingFailed.eml")
    try await system.reload([
      "AlerterEmail.TemplateRootPath": "\"\(templates)\"", "AlerterEmail.PostFieldsMap.Recipient": "\"to\"",
    ])
    try await fail {
      place.gateways.requests("/new").contains {
        $0.field("Content")?.hasPrefix("changed: [medispatcher]") == true && $0.field("to") == "a@x.example"
      }
    }
    try await system.reload([
      "AlerterEmail.Gateway": nil, "AlarmPlatform.Gateway": "\"\(place.gateways.url("/platform"))\"",
      "AlarmPlatform.AckStr": "\"OK\"", "DefaultAlarmReceiver": "\"ops\"", "DefaultAlarmChan": "\"day\"",
    ])
    // The subscription's own receiver is reached by now.
    try await fail {
      place.platform.contains { $0["Recipient"] as? String == "owners" && $0["channel"] as? String == "day" }
    }
    #expect(try await place.stop() == .code(0))
  }

  // MARK: By hand

  @Test func `medctl alert test sends by itself, and shows what came of each recipient`() async throws {
    let place = try await AlertPlace.start()
    let id = try await place.system.subscribe(parameters: AlertPlace.parameters(["AlerterEnabled": "0"]))
    let binary = try BuiltBinary.path("medctl")
    func test(_ more: String...) async throws -> ServerProcess.Finished {
      try await ServerProcess.run(
        binary, ["alert", "test", "--subscription", "\(id)", "-f", place.system.config] + more)
    }
    let all = try await test()
    #expect(all.status == .code(0), "\(all.errors)")
    #expect(
      all.output == """
        gateway         recipient    result
        email           a@x.example  sent
        email           b@x.example  sent
        sms             13800000000  sent
        alarm_platform  owners       sent
        AlerterEnabled is false: of what happens no alert is sent

        """)
    #expect(place.gateways.requests("/sms").first?.field("Subject")?.hasSuffix("a test alert") == true)
    place.gateways.on("/email", inTurn: [.status(500), .bytes(Array("OK".utf8))])
    let json = try await test("--json")
    #expect(json.status == .code(1))
    let answer = try json.json
    #expect(answer["delivered"] as? Bool == false && answer["kind"] as? String == "test")
    let deliveries = try #require(answer["deliveries"] as? [[String: Any]])
    #expect(deliveries.count == 4 && deliveries.count { $0["delivered"] as? Bool == true } == 3)
    #expect(deliveries.contains { $0["problem"] as? String == "HTTP status 500, the answer is \"\"" })
    let unknown = try await ServerProcess.run(
      binary, ["alert", "test", "--subscription", "4711", "-f", place.system.config])
    #expect(unknown.status == .code(1) && unknown.errors.contains("there is no subscription 4711"))
    #expect(try await ServerProcess.run(binary, ["alert", "test", "-f", place.system.config]).status == .code(64))
    let lost = try await ServerProcess.run(binary, ["alert", "test", "--subscription", "1", "-f", "/nowhere/x.toml"])
    #expect(lost.status == .code(78))
  }

  @Test func `through a dispatcher it is tried with what is in force, and listed with the others`() async throws {
    let admin = try await AdministeredSystem.start(settings: Self.once)
    let gateways = try TestReceiver()
    gateways.onAnyOther { _ in .json(#"{"code":"0"}"#) }
    try admin.system.configure(["AlarmPlatform.Gateway": "\"\(gateways.url("/platform"))\""])
    let id = try await admin.system.subscribe(
      parameters: AlertPlace.parameters(AlertPlace.nobody).merging([
        "SubscriptionTotalFailureAlertThreshold": "1"
      ]) { $1 }
    ) { _ in .refuse(.status(500)) }
    try await admin.startDispatcher()
    let nobody = try await admin.medctl("alert", "test", "--subscription", "\(id)")
    #expect(nobody.status == .code(1) && nobody.output.contains("names nobody"), "\(nobody.errors)")
    #expect(try await admin.medctl("alarms", "set", "default_alarm_receiver=ops").status == .code(0))
    let test = try await admin.medctl("alert", "test", "--subscription", "\(id)", "--json")
    #expect(test.status == .code(0), "\(test.errors)")
    #expect(gateways.count("/platform") == 1)

    try admin.system.publish(0..<1)
    try await eventually("an alert is sent") { gateways.count("/platform") == 2 }
    try await eventually("it is known") {
      (try admin.object("GET", "/alerts")["counters"] as? [String: Any])?["sent"] as? Int == 1
    }
    let listed = try admin.object("GET", "/alerts?limit=2")
    let alerts = try #require(listed["alerts"] as? [[String: Any]])
    #expect(alerts.map { $0["kind"] as? String } == ["subscription_fails", "test"])
    #expect(alerts.allSatisfy { $0["state"] as? String == "sent" && $0["subscription"] as? Int == id })
    let counters = try #require(listed["counters"] as? [String: Any])
    #expect(counters["raised"] as? Int == 1 && counters["waiting"] as? Int == 0)
    #expect(try admin.send("GET", "/alerts?limit=0").status == 400)
    #expect(try admin.send("GET", "/alerts?limit=201").status == 400)
    #expect(try admin.send("POST", "/subscriptions/4711/alert-test").status == 404)
    #expect(try admin.send("POST", "/subscriptions/\(id)/alert-test", token: nil).status == 401)
    #expect(try admin.send("POST", "/subscriptions/\(id)/alert-test", #"{"x":1}"#).status == 422)
    let list = try await admin.medctl("alert", "list")
    #expect(list.status == .code(0) && list.output.contains("subscription_fails"), "\(list.errors)")
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }
}
