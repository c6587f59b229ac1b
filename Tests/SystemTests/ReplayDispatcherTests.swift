import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§6 §14 What a dispatcher recorded is replayed and delivered", .showsServerOutput)
struct ReplayDispatcherTests {
  private func medctl(_ system: SystemHarness, _ words: String...) async throws -> ServerProcess.Finished {
    try await ServerProcess.run(BuiltBinary.path("medctl"), words + ["-f", system.config])
  }

  @Test func `an exhausted message gets all its retries again, under the same jobid`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "1"])
    let refuses = Locked(true)
    let pushes = Locked<[(jobID: String, retryTimes: String)]>([])
    let id = try await system.subscribe { request in
      pushes.withLock { $0.append((request.field("jobid") ?? "", request.field("retry_times") ?? "")) }
      return refuses.withLock { $0 } ? .refuse(.status(500)) : .accept
    }
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.records("EXHAUSTED").count == 10)

    // It fails once more: the first push and the retry, from 0 on.
    let before = pushes.withLock { $0 }
    let log = system.directory.file("log/data.log")
    let run = try await medctl(system, "replay", log, "--kind", "EXHAUSTED", "--json")
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(try run.json["put"] as? Int == 10, "the live log's own new records are left for the next run")
    try await system.waitUntilEmpty()
    let again = pushes.withLock { $0 }.dropFirst(before.count)
    #expect(again.map(\.retryTimes).sorted() == Array(repeating: "0", count: 10) + Array(repeating: "1", count: 10))
    #expect(Set(again.map(\.jobID)) == Set(before.map(\.jobID)))
    #expect(system.records("EXHAUSTED").count == 20)

    refuses.withLock { $0 = false }
    #expect(try await medctl(system, "replay", log, "--kind", "EXHAUSTED").status == .code(0))
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == Set((0..<10).map { Delivery(message: $0, subscription: id) }))
    #expect(system.ledger.duplicates.isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `what a drop policy wrote to the drop log comes back`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe(
      parameters: ["DropMessageThreshold": "20", "DropMessageThresholdAction": "1"])
    system.receiver.hold(system.path(id))
    try system.publish(0..<1000)
    try await system.startDispatcher()
    try await eventually("all are redistributed", within: .seconds(30)) {
      try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: system.directory.file("drop"))
    let files = names.map { system.directory.file("drop/\($0)") }
    #expect(!files.isEmpty)
    system.receiver.release(system.path(id))
    try await system.waitUntilEmpty()
    let delivered = system.ledger.accepted.count
    #expect(delivered < 1000)
    let words = ["replay", "-f", system.config, "--position", system.directory.file("drop.position")] + files
    let run = try await ServerProcess.run(BuiltBinary.path("medctl"), words + ["--json"])
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(try run.json["put"] as? Int == 1000 - delivered)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
  }

  @Test func `what found no queue server is copied into its channel later`() async throws {
    // A topic whose messages are too big for the channel, once OriginJobId is in them.
    let system = try await SystemHarness.start(maxJobSize: 1000)
    let id = try await system.subscribe()
    var padding = 1000 - SystemHarness.message(0).count
    while SystemHarness.message(0, padding: padding).count > 1000 { padding -= 1 }
    try system.server.client().put(SystemHarness.message(0, padding: padding), into: SystemHarness.mainQueue)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.records("REDISTFAIL").count == 1)
    let log = system.directory.file("log/data.log")
    let tooBig = try await medctl(system, "replay", log)
    #expect(tooBig.status == .code(1))
    #expect(tooBig.errors.contains("JOB_TOO_BIG"))
    // A server that takes more, in its place; the record was passed over, so it is asked for anew.
    let larger = try await BeanstalkdServer.start(maxJobSize: 2000)
    try system.configure(["QueueServerAddr": "\"\(larger.address)\""])
    #expect(try await medctl(system, "replay", log).output.contains("total: 0 put"))
    #expect(try await medctl(system, "replay", log, "--position", log + ".2").status == .code(0))
    #expect(try larger.everyJob().map(\.tube) == [SystemHarness.channel(id)])
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
