import Foundation
import GRDB
import Glibc
import MEDTestSupport
import Testing

@Suite("§6 Messages that must wait, in a running dispatcher", .showsServerOutput)
struct ParkingSystemTests {
  /// What keeps a store from being read.
  enum Outage: String, CaseIterable, Sendable {
    case isNoFile, isNoDatabase, isLocked, isGone
  }

  /// Takes the store away; the closure brings it back.
  private static func breakStore(_ system: SystemHarness, _ outage: Outage) async throws -> () throws -> Void {
    let path = system.directory.file("data/medispatcher.sqlite")
    let aside = system.directory.file("aside")
    let files = FileManager.default
    func moveAside() throws {
      for suffix in ["", "-wal", "-shm"] where files.fileExists(atPath: path + suffix) {
        try files.moveItem(atPath: path + suffix, toPath: aside + suffix)
      }
    }
    func bringBack() throws {
      for suffix in ["", "-wal", "-shm"] {
        try? files.removeItem(atPath: path + suffix)
        if files.fileExists(atPath: aside + suffix) {
          try files.moveItem(atPath: aside + suffix, toPath: path + suffix)
        }
      }
    }
    switch outage {
    case .isGone:
      try moveAside()
      return bringBack
    case .isNoFile:
      try moveAside()
      try system.directory.directory("data/medispatcher.sqlite")
      return bringBack
    case .isNoDatabase:
      try moveAside()
      try system.directory.write(String(repeating: "no database ", count: 1000), to: "data/medispatcher.sqlite")
      return bringBack
    case .isLocked:
      let database = try DatabaseQueue(path: path)
      try await database.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
      }
      return { try database.close() }
    }
  }

  @Test(arguments: [Outage.isNoFile, .isNoDatabase, .isLocked])
  func `a store that can't be read at the start: messages wait, and are delivered once it can`(outage: Outage)
    async throws
  {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    await system.store.close()
    try system.publish(0..<100)
    let repair = try await Self.breakStore(system, outage)
    try await system.startDispatcher()
    try await eventually("all wait", within: .seconds(30)) { try system.server.jobs() == JobTotals(buried: 100) }
    #expect(try system.dispatcher.isRunning)
    try repair()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(system.records.isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test(arguments: [Outage.isNoFile, .isNoDatabase, .isGone])
  func `a store that goes away later: known topics go on, others wait for it, and nothing is dropped`(outage: Outage)
    async throws
  {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    try await system.subscribe("other")
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    await system.store.close()
    let repair = try await Self.breakStore(system, outage)
    // More than the window of exceptions holds, and none of them known.
    try system.publish(10..<1000, topic: "never_looked_up")
    try system.publish(1000..<1200)
    try system.publish(1200..<1300, topic: "other")
    try await system.receiver.waitFor(count: 310, within: .seconds(20))
    try await eventually("only what is unknown is left", within: .seconds(20)) {
      try system.server.jobs() == JobTotals(buried: 990)
    }
    try repair()
    // Now it is known that nobody wants them.
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(system.records.isEmpty)
  }

  @Test(arguments: [Outage.isNoDatabase, .isGone])
  func `after a restart without the store the last known state is used, and what it doesn't have waits`(
    outage: Outage
  ) async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try await eventually("the snapshot is written") {
      FileManager.default.fileExists(atPath: system.directory.file("data/subscriptions.snapshot"))
    }
    #expect(try await system.stopDispatcher() == .code(0))
    await system.store.close()
    let repair = try await Self.breakStore(system, outage)
    try system.publish(10..<100)
    try system.publish(100..<150, topic: "unknown")
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 100, within: .seconds(20))
    try await eventually("the rest waits") { try system.server.jobs() == JobTotals(buried: 50) }
    // A stop gives back what waits.
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.server.jobs() == JobTotals(ready: 50))
    try repair()
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
  }

  @Test func `killed while messages wait: amender brings them back, and each is delivered once`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    await system.store.close()
    try system.publish(0..<200)
    let repair = try await Self.breakStore(system, .isNoDatabase)
    try await system.startDispatcher()
    try await eventually("all wait") { try system.server.jobs() == JobTotals(buried: 200) }
    try await system.dispatcher.crash()
    try await eventually("the server has noticed that its client is gone") {
      try system.server.client().stats()["current-connections"] == "1"
    }
    #expect(try system.missing().isEmpty)
    #expect(try await system.amend().status == .code(0))
    #expect(try system.server.jobs() == JobTotals(ready: 200))
    try repair()
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
  }

  @Test func `10,000 wait and the source is read no further, until they can go on`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    await system.store.close()
    let count = 12_000
    try system.publish(0..<count)
    let repair = try await Self.breakStore(system, .isNoDatabase)
    try await system.startDispatcher()
    try await eventually("the bound is reached", within: .seconds(40)) { try system.server.jobs().buried >= 10_000 }
    // Those under way when it was reached, at most: the window and two batches.
    let most = 10_000 + 512 + 2 * 64
    var quiet = 0
    var latest = 0
    try await eventually("no more are taken", within: .seconds(20), every: .milliseconds(100)) {
      let buried = try system.server.jobs().buried
      quiet = buried == latest ? quiet + 1 : 0
      latest = buried
      return quiet >= 10
    }
    #expect(latest <= most)
    #expect(try system.server.jobs().ready == count - latest)
    try repair()
    try await system.waitUntilLeft(0, within: .seconds(90))
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
  }

  @Test(.enabled(if: geteuid() == 0, "needs root for a small file system"))
  func `10,000 of a channel wait for a full DATA log, no more are taken, and space brings it all`() async throws {
    let system = try await SystemHarness.start()
    // No URL for this environment: each message becomes a DROPPED record, the only copy.
    let id = try await system.store.addSubscription(
      topic: SystemHarness.topic, urls: ["[T_ENV:elsewhere]http://127.0.0.1:9/"], subscriber: "nobody", parameters: [:])
    try await system.subscribe("other")
    let disk = try SmallDisk(system.directory.directory("log"), kilobytes: 16 * 1024)
    try await system.startDispatcher()
    try await eventually("the log is opened") { FileManager.default.fileExists(atPath: disk.path + "/data.log") }
    try disk.fill()
    let count = 11_000
    try system.publish(0..<count)
    let channel = SystemHarness.channel(id)
    try await eventually("the bound is reached", within: .seconds(60)) {
      try system.server.client().jobs(in: channel).buried >= 10_000
    }
    try system.publish(count..<count + 100, topic: "other")
    try await system.receiver.waitFor(count: 100, within: .seconds(20))
    try await eventually("all are redistributed", within: .seconds(30)) {
      try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    // What is in hand besides: twice Concurrency.
    let jobs = try system.server.client().jobs(in: channel)
    #expect(jobs.buried <= 10_000 + 20 && jobs.all == count, "\(jobs)")
    try disk.empty()
    try await system.waitUntilLeft(0, within: .seconds(90))
    let recorded = system.records("DROPPED").compactMap { MessageMark.find(in: $0.payload) }
    #expect(Set(recorded) == Set(0..<count))
  }

  @Test func `a retry that no server takes waits, and goes on where it failed`() async throws {
    let server = try await BeanstalkdServer.start(binlog: true, extraArguments: ["-f", "0"])
    let system = try SystemHarness(server)
    let id = try await system.subscribe { request in
      request.field("retry_times") == "0" ? .refuse(.status(500)) : .accept
    }
    system.receiver.hold(system.path(id))
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try await server.drain()
    system.receiver.release(system.path(id))
    try await eventually("the puts are refused", within: .seconds(20)) {
      try server.client().stats()["cmd-put"].flatMap { Int($0) } ?? 0 >= 20 + 30
    }
    #expect(try server.jobs() == JobTotals(buried: 10))
    #expect(system.records.isEmpty)
    // It drains no more: another instance with the same jobs.
    try await server.restart()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    // No message was pushed anew for the put that failed.
    #expect(system.receiver.count() == 20)
    #expect(system.records.isEmpty)
  }

  @Test func `a stop while retries wait gives them back`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe { _ in .refuse(.status(500)) }
    system.receiver.hold(system.path(id))
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try await system.server.drain()
    system.receiver.release(system.path(id))
    try await eventually("the puts are refused", within: .seconds(20)) {
      try system.server.client().stats()["cmd-put"].flatMap { Int($0) } ?? 0 >= 20 + 30
    }
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.server.jobs() == JobTotals(ready: 10))
    #expect(try system.missing().isEmpty)
    #expect(system.records.isEmpty)
  }
}
