import Glibc
import MEDTestSupport
import Testing

@Suite("§2 InFlightState = \"reserved\"", .showsServerOutput)
struct ReservedSystemTests {
  private static let reserved = ["InFlightState": "\"reserved\""]

  @Test func `messages are delivered once, with retries, and nothing is ever buried`() async throws {
    let system = try await SystemHarness.start(settings: Self.reserved)
    for _ in 0..<3 {
      try await system.subscribe { request in
        request.field("retry_times") == "0" && request.number % 5 == 0 ? .refuse(.status(500)) : .accept
      }
    }
    try system.publish(0..<500)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(try system.server.client().stats()["cmd-bury"] == "0")
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(system.records.isEmpty)
  }

  @Test func `a push that takes longer than the time to run happens once`() async throws {
    let system = try await SystemHarness.start(settings: Self.reserved)
    let id = try await system.subscribe { _ in .accept(after: .seconds(4)) }
    try system.server.client().put(
      SystemHarness.message(1), into: SystemHarness.channel(id), timeToRun: 1)
    system.ledger.published(1..<2, topic: SystemHarness.topic)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.received.values.reduce(0, +) == 1)
  }

  @Test func `a dead process gives everything back at once, to a second one, without amender`() async throws {
    let system = try await SystemHarness.start(settings: Self.reserved)
    let id = try await system.subscribe()
    system.receiver.hold(system.path(id))
    try system.publish(0..<50)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try await eventually("all lie in the channel alone") {
      let jobs = try system.server.everyJob()
      return jobs.count == 50 && jobs.allSatisfy { $0.tube == SystemHarness.channel(id) }
    }
    #expect(try system.server.jobs().reserved >= 10)
    try await system.dispatcher.crash()
    try await eventually("all are ready") { try system.server.jobs() == JobTotals(ready: 50) }
    system.receiver.release(system.path(id))
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  @Test func `a process that was stopped for longer than the time to run loses nothing`() async throws {
    let system = try await SystemHarness.start(settings: Self.reserved)
    let id = try await system.subscribe { _ in .accept(after: .milliseconds(200)) }
    let client = try system.server.client()
    for number in 0..<30 {
      try client.put(SystemHarness.message(number), into: SystemHarness.channel(id), timeToRun: 1)
    }
    system.ledger.published(0..<30, topic: SystemHarness.topic)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 5)
    try system.dispatcher.signal(SIGSTOP)
    // The server may keep them all the same: a connection of which a further reserve has timed out while it held a job
    // falls out of beanstalkd 1.12's clock until it says something.
    let mark = try client.put(SystemHarness.message(1000), into: "elsewhere")
    try await eventually("their time to run has passed") {
      try client.stats(job: mark)?["age"].flatMap { Int($0) } ?? 0 >= 3
    }
    #expect(try client.delete(mark))
    try system.dispatcher.signal(SIGCONT)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
