import Foundation
import MEDTestSupport
import Testing

@Suite("§2 What a dead dispatcher left buried", .showsServerOutput)
struct OrphanTests {
  private static let kicking = "[Recovery]\nKickOrphansAtStart = true\n"

  /// A system whose dispatcher was killed with jobs in hand; its subscriber answers at once from now on.
  private func killed(_ tables: String = "") async throws -> (system: SystemHarness, subscription: Int, buried: Int) {
    let system = try await SystemHarness.start(tables: tables)
    let id = try await system.subscribe()
    system.receiver.hold(system.path(id))
    try system.publish(0..<60)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    // Killed between a copy and the delete it would be copied again.
    try await eventually("all are in the channel", within: .seconds(20)) {
      try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    try await system.dispatcher.crash()
    try await eventually("the server has noticed") {
      try system.server.client().stats()["current-connections"] == "1"
    }
    system.receiver.release(system.path(id))
    return (system, id, try system.server.jobs().buried)
  }

  /// What is delivered once nothing is ready any more.
  private func waitUntilOnlyBuried(_ count: Int, _ system: SystemHarness) async throws {
    try await eventually("only \(count) buried jobs are left", within: .seconds(20)) {
      try system.server.jobs() == JobTotals(buried: count)
    }
  }

  @Test func `they are counted and named, and stay where they are`() async throws {
    let (system, id, buried) = try await killed()
    #expect(buried >= 10)
    try await system.startDispatcher()
    try await waitUntilOnlyBuried(buried, system)
    let warnings = system.log("warn")
    #expect(warnings.contains("jobs were left buried") && warnings.contains(SystemHarness.channel(id)))
    #expect(warnings.contains("count=\(buried)") && warnings.contains("run amender"))
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.server.jobs() == JobTotals(buried: buried))
  }

  @Test func `with KickOrphansAtStart they are kicked, delayed retries and tubes of others are not`() async throws {
    let (system, id, buried) = try await killed(Self.kicking)
    let client = try system.server.client()
    try client.put(SystemHarness.message(500), into: SystemHarness.channel(id) + "/FAIL", delay: 1000)
    // Buried by others: in a tube that isn't ours, and in a channel that somebody watches.
    let other = try await system.subscribe("another")
    let worker = try system.server.client()
    for tube in ["elsewhere", SystemHarness.channel(other, topic: "another")] {
      try client.put("theirs", into: tube)
      let taken = try #require(try worker.reserve(from: tube))
      try worker.bury(taken.id)
    }
    try await system.startDispatcher()
    try await eventually("the others are left", within: .seconds(20)) {
      try client.jobs() == JobTotals(delayed: 1, buried: 2)
    }
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.log("warn").contains("kicked jobs that were left buried"))
    #expect(system.log("warn").contains("count=\(buried)") || system.log("info").contains("count=\(buried)"))
    #expect(system.log("warn").contains("others work on"))
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `nothing is kicked while another watches the main queue`() async throws {
    let (system, _, buried) = try await killed(Self.kicking)
    let other = try system.server.client()
    _ = try other.ask("watch \(SystemHarness.mainQueue)")
    try await system.startDispatcher()
    try await waitUntilOnlyBuried(buried, system)
    #expect(system.log("warn").contains("another dispatcher works on this queue server"))
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `of two that start at once none takes the other's jobs for orphans`() async throws {
    let (system, id, buried) = try await killed(Self.kicking)
    let other = try SystemHarness(system.server, tables: Self.kicking)
    #expect(try await other.subscribe() == id)
    let before = system.ledger.received
    async let first: Void = system.startDispatcher()
    async let second: Void = other.startDispatcher()
    _ = try await (first, second)
    try system.publish(60..<400)
    // If each sees the other neither kicks.
    try await eventually("nothing is left, or what was left buried", within: .seconds(30)) {
      [JobTotals(), JobTotals(buried: buried)].contains(try system.server.jobs())
    }
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try await other.stopDispatcher() == .code(0))
    let pushes = system.ledger.received.merging(before) { $0 - $1 }.merging(other.ledger.received) { $0 + $1 }
    #expect(pushes.filter { $0.value > 1 }.isEmpty)
    let found = try system.whereabouts()
    #expect(Set(system.missing(found)).subtracting(other.ledger.accepted).isEmpty)
  }

  @Test func `a server that is away at the start is looked at when it comes, and holds up nothing of the others`()
    async throws
  {
    let away = try await BeanstalkdServer.start(binlog: true, extraArguments: ["-f", "0"])
    let server = try await BeanstalkdServer.start()
    let system = try SystemHarness(
      server, settings: ["QueueServerAddr": "\"\(away.address),\(server.address)\""], tables: Self.kicking)
    let id = try await system.subscribe()
    let client = try away.client()
    for number in 100..<110 { try client.put(SystemHarness.message(number), into: SystemHarness.channel(id)) }
    while let taken = try client.reserve(from: SystemHarness.channel(id)) { try client.bury(taken.id) }
    system.ledger.published(100..<110, topic: SystemHarness.topic)
    try await away.crash()
    try system.publish(0..<20)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 20)
    try await away.start()
    try await eventually("what was buried there is delivered", within: .seconds(30)) {
      system.ledger.accepted == system.ledger.expected
    }
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
