import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§16 Reloading the config file", .showsServerOutput)
struct ReloadTests {
  /// How a config file comes to say something else.
  enum Manner: String, CaseIterable {
    case writtenInPlace, renamedOver, symbolicLinkTurned, removedAndBack
  }

  /// A dispatcher whose config file is found as a Kubernetes ConfigMap has it: `config.toml → ..data/config.toml`, where
  /// `..data` is a link that is turned to another directory.
  private func mount(_ text: String, as name: String, in system: SystemHarness) throws {
    let directory = try system.directory.directory(name)
    try text.write(toFile: directory + "/config.toml", atomically: false, encoding: .utf8)
    let link = system.directory.file("..data")
    #expect(symlink(name, link + "_tmp") == 0)
    #expect(rename(link + "_tmp", link) == 0)
  }

  @Test(arguments: Manner.allCases)
  func `a changed file is noticed without a signal, and counts for the lanes that run`(manner: Manner) async throws {
    let system = try await SystemHarness.start()
    try system.configure(["SendersPerChannel": "1"])
    if manner == .symbolicLinkTurned {
      try mount(system.configText([:]), as: "..first", in: system)
      try FileManager.default.removeItem(atPath: system.config)
      #expect(symlink("..data/config.toml", system.config) == 0)
    }
    let id = try await system.subscribe()
    let path = system.path(id)
    system.receiver.hold(path)
    try system.publish(0..<30)
    try await system.startDispatcher()
    try await eventually("one is in flight", within: .seconds(20)) { system.receiver.inFlight(path) == 1 }

    let text = system.configText(["SendersPerChannel": "4"])
    switch manner {
    case .writtenInPlace: try system.directory.write(text, to: "config.toml")
    case .renamedOver:
      try system.directory.write(text, to: "config.toml.new")
      #expect(rename(system.config + ".new", system.config) == 0)
    case .symbolicLinkTurned: try mount(text, as: "..second", in: system)
    case .removedAndBack:
      try FileManager.default.removeItem(atPath: system.config)
      try await eventually("its absence is told", within: .seconds(20)) {
        system.log("warn").contains("config file can't be found, the settings in force stay")
      }
      #expect(system.receiver.inFlight(path) == 1)
      try system.directory.write(text, to: "config.toml")
    }
    try await eventually("four are in flight", within: .seconds(20)) { system.receiver.inFlight(path) == 4 }
    try await eventually("it is told") {
      system.log("info").contains("config file was reloaded changed=SendersPerChannel\n")
    }
    system.receiver.release(path)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(system.count("config file was re", in: "info") == 1)
  }

  @Test func `a file that can't be used is told once with line and key, and the old settings stay`() async throws {
    let system = try await SystemHarness.start()
    try system.configure(["SendersPerChannel": "2"])
    let id = try await system.subscribe()
    let path = system.path(id)
    system.receiver.hold(path)
    try system.publish(0..<20)
    try await system.startDispatcher()
    try await eventually("two are in flight", within: .seconds(20)) { system.receiver.inFlight(path) == 2 }

    let good = system.configText([:])
    try system.directory.write(
      "SendersPerChannel = 0\n" + system.configText(["SendersPerChannel": nil]), to: "config.toml")
    let error = "\(system.config):1: error: SendersPerChannel: found 0, allowed 1 ... 100000 pushes"
    try await eventually("it is told", within: .seconds(20)) { system.count(error, in: "error") == 1 }
    // A touch changes nothing; another look at it isn't told again. HUP asks, and is answered.
    #expect(utimes(system.config, nil) == 0)
    try system.dispatcher.signal(SIGHUP)
    try await eventually("HUP is answered", within: .seconds(20)) { system.count(error, in: "error") == 2 }
    #expect(system.receiver.inFlight(path) == 2)
    #expect(try system.dispatcher.isRunning)

    try system.directory.write(good, to: "config.toml")
    try await eventually("it is mended", within: .seconds(20)) { system.count("config file was read", in: "info") == 1 }
    #expect(system.count(error, in: "error") == 2)
    try await system.reload(["SendersPerChannel": "5"])
    try await eventually("five are in flight", within: .seconds(20)) { system.receiver.inFlight(path) == 5 }
    system.receiver.release(path)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
  }

  @Test func `what needs a restart is named in one warning, and no secret is in any log`() async throws {
    let system = try await SystemHarness.start()
    try system.configure(["Redis.Password": "\"first-secret\"", "Log.Level": "\"debug\""])
    try await system.subscribe()
    try await system.startDispatcher()
    try await system.reload([
      "Redis.Password": "\"second-secret\"", "NameOfMainQueue": "\"another\"", "SendersPerChannel": "3",
      "AlerterEmail.Password": "\"third-secret\"",
    ])
    #expect(
      system.log("warn").contains(
        "changes of the config file need a restart keys=\"NameOfMainQueue, [Redis] Password\"\n"))
    #expect(
      system.log("info").contains(
        "config file was reloaded changed=\"SendersPerChannel, [AlerterEmail] Password\"\n"))
    // A secret of a wrong type, and an unknown key beside it.
    try system.configure(["Redis.Password": "4711", "Redis.Pasword": "\"fourth-secret\""])
    try await eventually("it is refused", within: .seconds(20)) {
      system.log("error").contains("[Redis] Password: found a number, allowed a string")
    }
    // The main queue is still the first one.
    try system.publish(0..<5)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
    let logs = ["info", "warn", "error", "debug", "data"].map(system.log).joined()
    #expect(!logs.contains("-secret") && !logs.contains("4711"))
    #expect(system.count("need a restart", in: "warn") == 1)
  }

  @Test func `reloading again and again under load loses nothing and pushes nothing twice`() async throws {
    let system = try await SystemHarness.start()
    for _ in 0..<2 { try await system.subscribe { _ in .accept(after: .milliseconds(2)) } }
    try await system.startDispatcher()
    for round in 0..<8 {
      try system.publish(round * 200..<(round + 1) * 200)
      try await system.reload([
        "SendersPerChannel": "\(1 + round * 3 % 10)", "IntervalOfSendingForSendRoutine": "\(round % 3)",
        "RECEPTION_ENV": "\"\(round % 2 == 0 ? "a" : "")\"",
      ])
    }
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.received.values.allSatisfy { $0 == 1 })
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `a stop waits as long as the MaxMessageProcessTime that was reloaded`() async throws {
    let system = try await SystemHarness.start(
      settings: ["MaxMessageProcessTime": "3600000", "DefaultMaxMessageProcessTime": "3600000"])
    try await system.subscribe { _ in .refuse(.hang) }
    try system.publish(0..<1)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 1, within: .seconds(20))
    try await system.reload(["MaxMessageProcessTime": "500", "DefaultMaxMessageProcessTime": "500"])
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.server.jobs() == JobTotals(ready: 1))
  }
}
