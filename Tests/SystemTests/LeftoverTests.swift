import Foundation
import MEDTestSupport
import Testing

@Suite("§1 §13 What lies in channels, and amender", .showsServerOutput)
struct LeftoverTests {
  /// A copy in a channel as a dispatcher before this one would have left it.
  private func putCopies(
    _ numbers: Range<Int>, for subscription: Int, retry: Bool = false, delay: Int = 0, _ system: SystemHarness
  )
    throws
  {
    let client = try system.server.client()
    let tube = SystemHarness.channel(subscription) + (retry ? "/FAIL" : "")
    for number in numbers { try client.put(SystemHarness.message(number), into: tube, delay: delay) }
    system.ledger.published(numbers, topic: SystemHarness.topic)
  }

  @Test func `what lies in channels and retry channels is found at the start and later`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    try putCopies(0..<50, for: id, system)
    try putCopies(50..<70, for: id, retry: true, system)
    try putCopies(70..<80, for: id, retry: true, delay: 2, system)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)

    try putCopies(100..<150, for: id, system)
    try putCopies(150..<170, for: id, retry: true, system)
    try putCopies(170..<180, for: id, retry: true, delay: 2, system)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(system.records.isEmpty)
  }

  @Test func `tubes that belong to nobody are left alone`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    let client = try system.server.client()
    let tubes = [
      SystemHarness.channel(id + 1), SystemHarness.channel(id, topic: "another"), "elsewhere",
      SystemHarness.channel(id) + "/FAIL/FAIL", SystemHarness.topic,
    ]
    for tube in tubes { try client.put(SystemHarness.message(1), into: tube) }
    try system.publish(10..<20)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    // Proof that it has looked: a leftover put after the strangers is found.
    try putCopies(20..<21, for: id, system)
    try await system.receiver.waitFor(count: 11)
    #expect(try await system.stopDispatcher() == .code(0))
    let jobs = try system.server.everyJob()
    #expect(jobs.map(\.tube) == tubes)
    #expect(jobs.allSatisfy { $0.state == "ready" && $0.reserves == 0 })
  }

  @Test func `a delayed job that was put into a channel by others is pushed when it is due`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    try putCopies(0..<3, for: id, delay: 2, system)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  @Test func `amender kicks what a crash left buried, and neither delayed jobs nor watched tubes`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    let client = try system.server.client()
    // A delayed retry, and a tube that somebody works on.
    try putCopies(500..<501, for: id, retry: true, delay: 1000, system)
    let worker = try system.server.client()
    for number in 0..<3 { try client.put("\(number)", into: "watched") }
    while let taken = try worker.reserve(from: "watched") { try worker.bury(taken.id) }

    system.receiver.hold(system.path(id))
    try system.publish(0..<100)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try await system.dispatcher.crash()
    try await eventually("only witnesses are connected") {
      try client.stats()["current-connections"] == "2"
    }
    let buried = try client.jobs().buried - 3
    #expect(buried >= 10)
    let run = try await system.amend()
    #expect(run.status == .code(0))
    #expect(run.output.contains("watched"))
    #expect(try client.jobs().buried == 3)
    #expect(try client.jobs(in: "watched").buried == 3)
    #expect(try client.jobs(in: SystemHarness.channel(id) + "/FAIL") == JobTotals(delayed: 1))
    #expect(system.missing(try system.whereabouts()).isEmpty)

    system.receiver.release(system.path(id))
    try await system.startDispatcher()
    try await eventually("all that isn't delayed or watched is delivered", within: .seconds(20)) {
      try client.jobs() == JobTotals(delayed: 1, buried: 3)
    }
    #expect(system.ledger.accepted.count == 100)
  }

  @Test func `amender beside a dispatcher at work leaves its jobs alone`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    system.receiver.hold(system.path(id))
    try system.publish(0..<50)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    let tube = SystemHarness.channel(id)
    let client = try system.server.client()
    let buried = try client.jobs(in: tube).buried
    #expect(try await system.amend().status == .code(0))
    // The lane may have taken more meanwhile. What was kicked would be pushed again: see the duplicates below.
    #expect(try client.jobs(in: tube).buried >= buried)
    system.receiver.release(system.path(id))
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
  }
}
