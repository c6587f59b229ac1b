import Foundation
import Glibc
import MEDTestSupport
import Testing

@testable import MEDCore

@Suite("§6 The DATA log of a running dispatcher", .showsServerOutput)
struct DataLogSystemTests {
  @Test func `a DATA log that can't be written keeps the dispatcher from starting`() async throws {
    let system = try await SystemHarness.start()
    // Neither the file nor any that could stand in for it.
    try system.directory.directory("log/data.log")
    for number in 1...DataLogNaming.successors { try system.directory.directory("log/data.\(number).log") }
    try await system.startDispatcher()
    #expect(try await system.dispatcher.waitForExit() == .code(1))
    #expect(try system.dispatcher.output.contains("DATA log: can't open \(system.directory.file("log"))"))
  }

  @Test func `two instances on one DATA_DIR are refused, and the first goes on`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    let second = try await ServerProcess.run(BuiltBinary.path("medispatcher"), ["-f", system.config])
    #expect(second.status == .code(1))
    #expect(second.errors.contains("is held by a running process"))
    try system.publish(10..<20)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  @Test(.enabled(if: geteuid() == 0, "needs root for a small file system"))
  func `on a full disk what must be recorded waits, the rest goes on, and space brings it all`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    let disk = try SmallDisk(system.directory.directory("log"), kilobytes: 256)
    try await system.startDispatcher()
    try await eventually("the log is opened") { FileManager.default.fileExists(atPath: disk.path + "/data.log") }
    try disk.fill()
    let broken = (0..<20).map { number in [0xc1] + [UInt8](repeating: UInt8(number), count: 8000) }
    for job in broken { try system.server.client().put(job, into: SystemHarness.mainQueue) }
    try system.publish(0..<100)
    try await system.receiver.waitFor(count: 100)
    try await eventually("only the undecodable jobs are left") { try system.server.jobs().all == broken.count }
    #expect(try system.dispatcher.isRunning)

    // Lines of the other logs are dropped meanwhile, which is said where there is room.
    try await eventually("lines are lost", within: .seconds(20)) {
      try system.dispatcher.signal(SIGUSR1)
      return try system.dispatcher.output.contains(
        "medispatcher: log lines are lost: can't write: No space left on device")
    }

    try disk.empty()
    try await eventually("their number is logged", within: .seconds(20)) {
      system.log("warn").contains("WARN  log lines were dropped dropped=")
    }
    try await system.waitUntilEmpty()
    #expect(Set(system.records("DECODERR").map(\.payload)) == Set(broken))
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test(.enabled(if: geteuid() == 0, "needs root for a small file system"))
  func `a stop while the disk is full gives back what waits for its record`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "0"])
    try await system.subscribe { _ in .refuse(.status(500)) }
    let disk = try SmallDisk(system.directory.directory("log"), kilobytes: 256)
    try await system.startDispatcher()
    try await eventually("the log is opened") { FileManager.default.fileExists(atPath: disk.path + "/data.log") }
    try disk.fill()
    try system.publish(0..<30)
    try await system.receiver.waitFor(count: 30)
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.server.jobs() == JobTotals(ready: 30))

    try disk.empty()
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(try system.whereabouts().recorded == system.ledger.expected)
  }
}
