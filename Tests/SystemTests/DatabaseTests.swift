import Foundation
import MEDCore
import MEDTestSupport
import Testing

@Suite("§7 The built dispatcher on MariaDB", .showsServerOutput)
struct DatabaseTests {
  @Test func `messages are delivered, changes arrive, and each message that failed has its row`() async throws {
    let place = try await DatabasePlace.start()
    let system = try await place.system()
    let failing = try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(503)) : .accept }
    try await system.startDispatcher()
    try system.publish(0..<50)
    try await system.waitUntilEmpty()
    try await place.waitForClosedRows(50)

    let second = try await system.subscribe()
    var number = 100
    try await eventually("the new subscription gets messages", within: .seconds(20), every: .milliseconds(100)) {
      number += 1
      try system.publish(number..<number + 1)
      return system.receiver.count(system.path(second)) > 0
    }
    try await place.store.cancelSubscription(second)
    try await eventually("the cancelled one gets no more", within: .seconds(60), every: .milliseconds(200)) {
      let before = system.receiver.count(system.path(second))
      number += 1
      try system.publish(number..<number + 1)
      let last = Delivery(message: number, subscription: failing)
      try await eventually("the other one gets it") { system.ledger.accepted.contains(last) }
      return system.receiver.count(system.path(second)) == before
    }
    // What was copied before it was known is still there, and nobody works on it.
    let left = try system.server.client().jobs(in: SystemHarness.channel(second))
    try await system.waitUntilLeft(left.all)
    #expect(left.all == left.ready)
    #expect(try await system.stopDispatcher() == .code(0))
    let rows = try await place.rows()
    #expect(try await place.rowCount() == rows.count, "one row for each message")
    #expect(system.log("error").isEmpty)
    for name in ["info", "warn", "error", "debug"] { #expect(!system.log(name).contains(DatabasePlace.password)) }
  }

  @Test func `100,000 messages of a topic that nobody subscribes to cost one lookup, and one statement a refresh`()
    async throws
  {
    let place = try await DatabasePlace.start()
    let system = try await place.system()
    try await system.subscribe()
    try await place.server.execute("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1;")
    try await system.startDispatcher()
    let client = try system.server.client()
    try client.put(
      all: (0..<100_000).lazy.map { SystemHarness.message($0, topic: "nobody_wants") }, into: SystemHarness.mainQueue)
    try await system.waitUntilLeft(0, within: .seconds(300))
    #expect(system.receiver.count() == 0)

    let lines = try await place.server.execute(
      """
      SELECT UNIX_TIMESTAMP(event_time), command_type, REPLACE(argument, '\\n', ' ') FROM mysql.general_log
      WHERE user_host LIKE '%dispatcher%' AND command_type IN ('Query', 'Execute') ORDER BY event_time;
      """
    ).split(separator: "\n").map { $0.split(separator: "\t", maxSplits: 2).map(String.init) }
    let lookups = lines.filter { $0[2].contains("nobody_wants") }
    #expect(lookups.count == 1, "100,000 messages")
    let settings = lines.filter { $0[2].hasPrefix("SET SESSION") }
    #expect(settings.count == 2, "once for each connection that was needed")
    let refreshes = lines.filter { $0[2].contains("FROM subscription_params") && !$0[2].contains("class_key =") }
    #expect(refreshes.count + lookups.count + settings.count == lines.count, "\(lines.map { $0[2] })")
    let times = refreshes.compactMap { Double($0[0]) }
    #expect(times.count == refreshes.count && !times.isEmpty)
    for (earlier, later) in zip(times, times.dropFirst()) {
      #expect(later - earlier >= 0.95, "a refresh begins an interval after the one before, whatever flows")
    }
    #expect(try await system.stopDispatcher() == .code(0))
  }

  enum Outage: String, CaseIterable, Sendable { case killed, frozen }

  @Test(arguments: Outage.allCases)
  func `without its database nothing is delayed, and the rows of what failed come afterwards`(outage: Outage)
    async throws
  {
    let place = try await DatabasePlace.start()
    let system = try await place.system(options: "&timeout=2s")
    try await system.subscribe()
    try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(500)) : .accept }
    try await system.startDispatcher()
    try system.publish(0..<100)
    try await system.waitUntilEmpty()
    try await place.waitForClosedRows(100)

    // Under load: what is in the middle of its way then goes on.
    try system.publish(100..<600)
    switch outage {
    case .killed: try await place.server.process.crash()
    case .frozen: place.server.process.pause()
    }
    try system.publish(600..<1_200)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected, "all of them, with retries, while it is away")
    // Enough of them that refreshes have failed as well.
    try await eventually("the outage is noticed", within: .seconds(60)) {
      system.count("store doesn't answer", in: "warn") > 0
    }
    try system.publish(1_200..<1_500)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    if outage == .killed { #expect(!place.server.process.isRunning) }

    switch outage {
    case .killed: try await place.server.start()
    case .frozen: place.server.process.resume()
    }
    try await place.waitForClosedRows(1_500)
    #expect(try await place.rowCount() == 1_500)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(system.directory.read("data/failures.journal").isEmpty)
    #expect(!system.log("error").contains("failure row is not written"))
  }

  @Test func `it starts without its database from the snapshot, and topics that it doesn't know wait`() async throws {
    let place = try await DatabasePlace.start()
    let system = try await place.system()
    try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(500)) : .accept }
    try await system.startDispatcher()
    try system.publish(0..<10)
    try await system.waitUntilEmpty()
    try await place.waitForClosedRows(10)
    #expect(try await system.stopDispatcher() == .code(0))

    try await place.server.stop()
    try await system.startDispatcher()
    try system.publish(10..<110)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.count("store is down, using the snapshot", in: "warn") == 1)
    let client = try system.server.client()
    try client.put(SystemHarness.message(500, topic: "unknown"), into: SystemHarness.mainQueue)
    try await eventually("the unknown topic waits") { try system.server.jobs().buried == 1 }

    try await place.server.start()
    try await place.waitForClosedRows(110)
    try await system.waitUntilEmpty()
    try await eventually("the outage is over", within: .seconds(60)) {
      system.count("store answers again", in: "info") == 1
    }
    try await system.subscribe("unknown")
    try await eventually("the new subscription is served", within: .seconds(30), every: .milliseconds(200)) {
      try system.publish(501..<502, topic: "unknown")
      try await system.waitUntilEmpty()
      return system.receiver.count(system.path(2)) > 0
    }
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `a stop doesn't wait for a database that is frozen`() async throws {
    let place = try await DatabasePlace.start()
    let system = try await place.system()
    try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(500)) : .accept }
    try await system.startDispatcher()
    try system.publish(0..<10)
    try await system.waitUntilEmpty()
    try await place.waitForClosedRows(10)
    place.server.process.pause()
    try system.publish(10..<20)
    try await system.waitUntilEmpty()
    #expect(try await system.stopDispatcher() == .code(0), "by itself, not by the limit of a stop")
    place.server.process.resume()
    try await system.startDispatcher()
    try await place.waitForClosedRows(20)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `medctl makes, shows, changes and cancels subscriptions there`() async throws {
    let place = try await DatabasePlace.start()
    let system = try await place.system()
    func medctl(_ arguments: String...) async throws -> ServerProcess.Finished {
      try await ServerProcess.run(
        try BuiltBinary.path("medctl"), ["subscriptions"] + arguments + ["-f", system.config])
    }
    let added = try await medctl("add", "order_paid", "http://127.0.0.1:9/a", "Concurrency=7")
    #expect(added.status == .code(0), "\(added.errors)")
    #expect(try await medctl("set", "1", "ProcessTimeout=100").status == .code(0))
    let listed = try await medctl("list", "--json")
    #expect(listed.output.contains("order_paid") && listed.output.contains("http://127.0.0.1:9/a"))
    let stored = try #require(try await place.store.subscription(1))
    #expect(stored.subscription.parameters == ["Concurrency": "7", "ProcessTimeout": "100"])
    #expect(try await medctl("cancel", "1").status == .code(0))
    #expect(try await place.store.subscription(1)?.isCancelled == true)
    #expect(try await medctl("cancel", "9").status == .code(1))

    try await place.server.execute("DROP TABLE subscription_params", database: "med")
    let broken = try await medctl("list")
    #expect(broken.status == .code(1))
    #expect(broken.errors.contains("subscription_params") && broken.errors.contains("medctl schema --mysql"))
    try await place.server.stop()
    let away = try await medctl("list")
    #expect(away.status == .code(1))
    #expect(!away.errors.contains(DatabasePlace.password))
  }

  @Test func `a wrong password keeps messages waiting, and is in no log`() async throws {
    let place = try await DatabasePlace.start()
    let wrong = "not-the-password"
    let system = try SystemHarness(
      try await BeanstalkdServer.start(), tables: place.table(password: wrong, options: "&passwort=\(wrong)"),
      editor: place.store)
    let checked = try await ServerProcess.run(
      try BuiltBinary.path("medispatcher"), ["--check-config", "-f", system.config])
    #expect(checked.status == .code(0))
    #expect((checked.output + checked.errors).contains("[Database] Options: passwort: unknown option, ignored"))
    #expect(!(checked.output + checked.errors).contains(wrong))

    let id = try await system.subscribe()
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await eventually("all wait") { try system.server.jobs() == JobTotals(buried: 10) }
    #expect(system.log("warn").contains("Access denied for user 'dispatcher'"))
    for name in ["info", "warn", "error", "debug"] { #expect(!system.log(name).contains(wrong)) }
    try await place.server.execute("SET PASSWORD FOR 'dispatcher'@'127.0.0.1' = PASSWORD('\(wrong)')")
    try await system.waitUntilLeft(0, within: .seconds(90))
    #expect(system.ledger.accepted == Set((0..<10).map { Delivery(message: $0, subscription: id) }))
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
