import Glibc
import MEDTestSupport
import Testing

// A stop that waited for what it shouldn't wait for would last longer than the harness waits.
@Suite("§16 Stopping by signals", .showsServerOutput)
struct StopTests {
  @Test(arguments: ["buried", "reserved"])
  func `TERM under load leaves nothing buried, loses nothing and sends nothing twice`(state: String) async throws {
    let system = try await SystemHarness.start(settings: ["InFlightState": "\"\(state)\""])
    for _ in 0..<3 { try await system.subscribe { _ in .accept(after: .milliseconds(300)) } }
    try system.publish(0..<200)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 60)
    #expect(try await system.stopDispatcher() == .code(0))

    let atStop = try system.whereabouts()
    #expect(try system.server.jobs().buried == 0)
    #expect(system.records("KICKFAIL").isEmpty && system.records("DELFAIL").isEmpty)
    #expect(system.missing(atStop).isEmpty)
    #expect(system.ledger.duplicates.isEmpty)
    // What was pushed is not in a queue any more, so that it won't be pushed again.
    #expect(system.ledger.accepted.isDisjoint(with: atStop.queued))

    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGQUIT])
  func `an idle dispatcher stops at once`(signal: Int32) async throws {
    let system = try await SystemHarness.start(
      settings: ["MaxMessageProcessTime": "600000", "DefaultMaxMessageProcessTime": "600000"])
    try await system.subscribe()
    try system.publish(0..<1)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 1)
    try await system.waitUntilEmpty()
    try system.dispatcher.signal(signal)
    #expect(try await system.dispatcher.waitForExit(within: .seconds(30)) == .code(0))
  }

  @Test func `a subscriber that hangs holds up a stop for MaxMessageProcessTime at most`() async throws {
    let system = try await SystemHarness.start(
      settings: ["MaxMessageProcessTime": "1500", "DefaultMaxMessageProcessTime": "1500"])
    try await system.subscribe { _ in .refuse(.hang) }
    try system.publish(0..<50)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.server.jobs().buried == 0)
    #expect(try system.missing().isEmpty)
    #expect(system.records("KICKFAIL").isEmpty)
  }

  @Test func `a second signal ends at once with 1, and loses nothing`() async throws {
    // The pushes hang for longer than the test takes.
    let system = try await SystemHarness.start()
    try await system.subscribe { _ in .refuse(.hang) }
    try system.publish(0..<50)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try system.dispatcher.signal(SIGTERM)
    try await eventually("the stop has begun") { system.log("info").contains("stopping") }
    try system.dispatcher.signal(SIGINT)
    #expect(try await system.dispatcher.waitForExit(within: .seconds(20)) == .code(1))
    #expect(try system.missing().isEmpty)
  }

  @Test func `a stop while the queue server is away ends with 0 and tells what may be buried`() async throws {
    let system = try await SystemHarness.start(binlog: true)
    try await system.subscribe { _ in .accept(after: .milliseconds(500)) }
    try system.publish(0..<50)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try await system.server.crash()
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(!system.records("DELFAIL").isEmpty)
    try await system.server.start()
    #expect(try system.missing().isEmpty)
    #expect(try await system.amend().status == .code(0))
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  @Test func `TERM while pushes fail loses nothing and leaves nothing buried`() async throws {
    let system = try await SystemHarness.start()
    let isBroken = Locked(true)
    try await system.subscribe { _ in
      isBroken.withLock { $0 } ? .refuse(.status(503).delayed(.milliseconds(50))) : .accept
    }
    try system.publish(0..<200)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 50)
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.server.jobs().buried == 0)
    #expect(try system.missing().isEmpty)
    #expect(try system.server.jobs().all == 200)
    isBroken.withLock { $0 = false }
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(system.records.isEmpty)
  }
}
