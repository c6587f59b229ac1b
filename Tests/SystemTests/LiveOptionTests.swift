import MEDTestSupport
import Testing

import struct MEDApp.ConfigOption

/// Shows of one option that a change of it is in force after HUP, without a restart.
struct LiveProof: Sendable, CustomTestStringConvertible {
  let path: String
  let first: String
  let second: String
  /// Other values that the proof needs.
  var with: [String: String] = [:]
  /// Called when the dispatcher runs; calls its argument to put the second value in force.
  let show: @Sendable (SystemHarness, _ change: () async throws -> Void) async throws -> Void

  var testDescription: String { path }
}

@Suite("§16 §17 Options that are reloaded live", .showsServerOutput)
struct LiveOptionTests {
  /// Tables whose options are read together, for each alert: AlertTests shows them.
  static let sectionsShownElsewhere = ["AlerterEmail", "AlerterSms", "AlarmPlatform"]

  @Test func `every live option has its proof`() {
    let live = ConfigOption.all.filter { option in
      option.effect == .live && !Self.sectionsShownElsewhere.contains { option.section.hasPrefix($0) }
    }
    #expect(Set(live.map(\.path)) == Set(Self.proofs.map(\.path)))
  }

  @Test(arguments: proofs)
  func `is in force after HUP`(proof: LiveProof) async throws {
    let system = try await SystemHarness.start(settings: ["EnableMsgSentLog": "false"])
    try system.configure(proof.with.mapValues { Optional($0) })
    try system.configure([proof.path: proof.first])
    try await proof.show(system) { try await system.reload([proof.path: proof.second]) }
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(system.ledger.duplicates.isEmpty)
  }

  static let proofs: [LiveProof] = [
    LiveProof(path: "SendersPerChannel", first: "1", second: "4") { system, change in
      try await Self.showLimit(system, parameters: [:], before: 1, after: 4, change)
    },
    LiveProof(path: "MaxSendersPerChannel", first: "2", second: "5", with: ["SendersPerChannel": "1"]) {
      system, change in
      try await Self.showLimit(system, parameters: ["Concurrency": "100"], before: 2, after: 5, change)
    },
    LiveProof(path: "SendersPerRetryChannel", first: "1", second: "4", with: ["CoeOfIntervalForRetrySendingMsg": "0"]) {
      system, change in
      try await Self.showRetryLimit(system, parameters: [:], before: 1, after: 4, change)
    },
    LiveProof(
      path: "MaxSendersPerRetryChannel", first: "2", second: "5",
      with: ["CoeOfIntervalForRetrySendingMsg": "0", "SendersPerRetryChannel": "1"]
    ) { system, change in
      try await Self.showRetryLimit(system, parameters: ["ConcurrencyOfRetry": "100"], before: 2, after: 5, change)
    },
    LiveProof(path: "IntervalOfSendingForSendRoutine", first: "3600000", second: "0") { system, change in
      try await system.subscribe()
      try system.publish(0..<20)
      try await system.startDispatcher()
      try await system.receiver.waitFor(count: 1, within: .seconds(20))
      try await change()
      try await system.waitUntilEmpty()
      #expect(system.ledger.accepted == system.ledger.expected)
    },
    LiveProof(
      path: "MaxMessageProcessTime", first: "300", second: "20000",
      with: ["CoeOfIntervalForRetrySendingMsg": "0", "MaxRetryTimesOfSendingMessage": "1000"]
    ) { system, change in
      try await Self.showTimeout(system, parameters: ["ProcessTimeout": "15000"], change)
    },
    LiveProof(
      path: "DefaultMaxMessageProcessTime", first: "300", second: "20000",
      with: ["CoeOfIntervalForRetrySendingMsg": "0", "MaxRetryTimesOfSendingMessage": "1000"]
    ) { system, change in
      try await Self.showTimeout(system, parameters: [:], change)
    },
    LiveProof(path: "CoeOfIntervalForRetrySendingMsg", first: "86400", second: "0") { system, change in
      try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(500)) : .accept }
      try system.publish(0..<1)
      try await system.startDispatcher()
      try await eventually("it waits long", within: .seconds(20)) { try system.server.jobs().delayed == 1 }
      try await change()
      try system.publish(1..<2)
      try await eventually("the next one doesn't", within: .seconds(20)) {
        system.ledger.accepted.map(\.message) == [1]
      }
    },
    LiveProof(
      path: "MaxRetryTimesOfSendingMessage", first: "1000", second: "0", with: ["CoeOfIntervalForRetrySendingMsg": "0"]
    ) { system, change in
      try await system.subscribe { _ in .refuse(.status(500).delayed(.milliseconds(10))) }
      try system.publish(0..<1)
      try await system.startDispatcher()
      try await system.receiver.waitFor(count: 12, within: .seconds(20))
      #expect(system.records("EXHAUSTED").isEmpty)
      try await change()
      try await eventually("it is given up", within: .seconds(20)) { system.records("EXHAUSTED").count == 1 }
    },
    LiveProof(path: "EnableMsgSentLog", first: "false", second: "true") { system, change in
      try await system.subscribe()
      try system.publish(0..<1)
      try await system.startDispatcher()
      try await system.receiver.waitFor(count: 1, within: .seconds(20))
      try await change()
      try system.publish(1..<2)
      try await eventually("it is recorded", within: .seconds(20)) { system.records("SENT").count == 1 }
    },
    LiveProof(path: "RECEPTION_ENV", first: "\"blue\"", second: "\"green\"") { system, change in
      let urls = ["[T_ENV:blue]\(system.receiver.url("/blue"))", "[T_ENV:green]\(system.receiver.url("/green"))"]
      _ = try await system.store.addSubscription(
        topic: SystemHarness.topic, urls: urls, subscriber: "s", parameters: [:])
      try system.publish(0..<1)
      try await system.startDispatcher()
      try await system.receiver.waitFor(count: 1, on: "/blue", within: .seconds(20))
      try await change()
      try system.publish(1..<2)
      try await system.receiver.waitFor(count: 1, on: "/green", within: .seconds(20))
      #expect(system.receiver.count("/blue") == 1)
    },
    LiveProof(path: "Store.RefreshInterval", first: "3600", second: "1") { system, change in
      try await system.subscribe()
      try system.publish(0..<1)
      try await system.startDispatcher()
      try await system.receiver.waitFor(count: 1, within: .seconds(20))
      try await change()
      // The topic is known, so that only a refresh finds another subscription of it.
      let second = try await system.subscribe()
      var number = 0
      try await eventually("it is found", within: .seconds(20), every: .milliseconds(200)) {
        number += 1
        try system.publish(number..<number + 1)
        return system.receiver.count(system.path(second)) > 0
      }
    },
    LiveProof(path: "Rpc.AllowFrom", first: "[\"10.0.0.0/8\"]", second: "[\"127.0.0.0/8\"]") { system, change in
      let port = try FreePort.next()
      try system.configure(["ListenAddr": "\"127.0.0.1:\(port)\""])
      try await system.startDispatcher()
      try await eventually("it is hung up on") { system.log("warn").contains("see [Rpc] AllowFrom") || isServed(port) }
      #expect(!isServed(port))
      try await change()
      try await eventually("it is let in", within: .seconds(20)) { isServed(port) }
    },
    LiveProof(
      path: "GlobalMessageBlockedAlertThreshold", first: "0", second: "20",
      with: ["DefaultAlarmReceiver": "\"ops\""]
    ) { system, change in
      let path = try await Self.fillChannel(system)
      #expect(system.receiver.count("/platform") == 0)
      try await change()
      try await system.receiver.waitFor(count: 1, on: "/platform", within: .seconds(20))
      system.receiver.release(path)
    },
    LiveProof(
      path: "GlobalMessageBlockedAlarmInterval", first: "604800", second: "1",
      with: ["DefaultAlarmReceiver": "\"ops\"", "GlobalMessageBlockedAlertThreshold": "20"]
    ) { system, change in
      let path = try await Self.fillChannel(system)
      try await system.receiver.waitFor(count: 1, on: "/platform", within: .seconds(20))
      try await change()
      try await system.receiver.waitFor(count: 2, on: "/platform", within: .seconds(20))
      system.receiver.release(path)
    },
    LiveProof(
      path: "NameOfMainQueueBlockedAlertThreshold", first: "0", second: "20",
      with: ["DefaultAlarmReceiver": "\"ops\""]
    ) { system, change in
      try Self.addPlatform(system)
      try system.publish(0..<50)
      // From a paused tube nothing is taken.
      _ = try system.server.client().ask("pause-tube \(SystemHarness.mainQueue) 3600")
      try await system.startDispatcher()
      try await change()
      try await system.receiver.waitFor(count: 1, on: "/platform", within: .seconds(20))
    },
    LiveProof(
      path: "DefaultAlarmReceiver", first: "\"ops\"", second: "\"night\"",
      with: ["GlobalMessageBlockedAlertThreshold": "20", "GlobalMessageBlockedAlarmInterval": "1"]
    ) { system, change in try await Self.showPlatform(system, #""Recipient":"ops""#, #""Recipient":"night""#, change) },
    LiveProof(
      path: "DefaultAlarmChan", first: "\"sms\"", second: "\"mail\"",
      with: [
        "GlobalMessageBlockedAlertThreshold": "20", "GlobalMessageBlockedAlarmInterval": "1",
        "DefaultAlarmReceiver": "\"ops\"",
      ]
    ) { system, change in try await Self.showPlatform(system, #""channel":"sms""#, #""channel":"mail""#, change) },
    LiveProof(path: "Log.Level", first: "\"info\"", second: "\"debug\"") { system, change in
      try await system.subscribe { _ in .refuse(.status(500)) }
      try await system.startDispatcher()
      try system.publish(0..<1)
      try await system.receiver.waitFor(count: 1, within: .seconds(20))
      #expect(system.log("debug").isEmpty)
      try await change()
      try system.publish(1..<2)
      try await eventually("debug lines come", within: .seconds(20)) { system.log("debug").contains("push failed") }
    },
  ]

  private static func addPlatform(_ system: SystemHarness) throws {
    system.receiver.on("/platform", .json(#"{"code":"0"}"#))
    try system.configure(["AlarmPlatform.Gateway": "\"\(system.receiver.url("/platform"))\""])
  }

  /// Fifty messages wait for a subscriber that hangs, until its path is released.
  private static func fillChannel(_ system: SystemHarness) async throws -> String {
    try addPlatform(system)
    let id = try await system.subscribe(parameters: ["Concurrency": "1"])
    system.receiver.hold(system.path(id))
    try system.publish(0..<50)
    try await system.startDispatcher()
    try await eventually("they are in the channel", within: .seconds(20)) {
      try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    return system.path(id)
  }

  /// The alarm platform gets `before` until the change, then `after`.
  private static func showPlatform(
    _ system: SystemHarness, _ before: String, _ after: String, _ change: () async throws -> Void
  ) async throws {
    let path = try await fillChannel(system)
    try await system.receiver.waitFor(count: 1, on: "/platform", within: .seconds(20))
    #expect(system.receiver.requests("/platform").allSatisfy { $0.text.contains(before) })
    try await change()
    try await eventually("it is in force", within: .seconds(20)) {
      system.receiver.requests("/platform").contains { $0.text.contains(after) }
    }
    system.receiver.release(path)
  }

  private static func isServed(_ port: UInt16) -> Bool {
    (try? PlainRPC(port: port).call("GetDefaultSubscriptionSettings").status) == "ok"
  }

  /// No more pushes than `before` are open at once until the change, then `after`.
  private static func showLimit(
    _ system: SystemHarness, parameters: [String: String], before: Int, after: Int, _ change: () async throws -> Void
  ) async throws {
    let id = try await system.subscribe(parameters: parameters)
    system.receiver.hold(system.path(id))
    try system.publish(0..<30)
    try await system.startDispatcher()
    try await showLimit(system, id, before: before, after: after, change)
  }

  private static func showRetryLimit(
    _ system: SystemHarness, parameters: [String: String], before: Int, after: Int, _ change: () async throws -> Void
  ) async throws {
    let firsts = Locked(0)
    let id = try await system.subscribe(parameters: parameters) { request in
      guard request.field("retry_times") == "0" else { return .accept }
      firsts.withLock { $0 += 1 }
      return .refuse(.status(500))
    }
    // All have failed once and wait for an hour; then they are ready at once.
    try system.configure(["CoeOfIntervalForRetrySendingMsg": "3600"])
    try system.publish(0..<30)
    try await system.startDispatcher()
    try await eventually("all are delayed", within: .seconds(20)) { try system.server.jobs().delayed == 30 }
    #expect(firsts.withLock { $0 } == 30)
    try await eventually("nothing is in hand") { try system.server.jobs().all == 30 }
    system.receiver.hold(system.path(id))
    system.receiver.forget()
    try await system.reload(["CoeOfIntervalForRetrySendingMsg": "0"])
    _ = try system.server.client().kick(30, in: SystemHarness.channel(id) + "/FAIL")
    try await showLimit(system, id, before: before, after: after, change)
  }

  private static func showLimit(
    _ system: SystemHarness, _ id: Int, before: Int, after: Int, _ change: () async throws -> Void
  ) async throws {
    let path = system.path(id)
    try await eventually("\(before) are in flight", within: .seconds(20)) { system.receiver.inFlight(path) == before }
    try await change()
    try await eventually("\(after) are in flight", within: .seconds(20)) { system.receiver.inFlight(path) == after }
    #expect(system.receiver.maxInFlight(path) == after)
    system.receiver.release(path)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  /// An answer takes longer than the first limit, and less than the second.
  private static func showTimeout(
    _ system: SystemHarness, parameters: [String: String], _ change: () async throws -> Void
  ) async throws {
    let id = try await system.subscribe(parameters: parameters) { _ in .refuse(.ok.delayed(.seconds(1))) }
    try system.publish(0..<1)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 2, on: system.path(id), within: .seconds(20))
    #expect(try system.server.jobs().all == 1)
    try await change()
    try await system.waitUntilEmpty()
  }
}
