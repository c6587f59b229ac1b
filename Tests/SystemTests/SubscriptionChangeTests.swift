import Foundation
import GRDB
import Logging
import MEDSQLite
import MEDTestSupport
import Testing

@Suite("§7 Changes of subscriptions under way", .showsServerOutput)
struct SubscriptionChangeTests {
  @Test func `Concurrency is obeyed, and a change of it in the store too, up and down`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe(parameters: ["Concurrency": "2"]) { _ in .accept(after: .milliseconds(30)) }
    let path = system.path(id)
    try system.publish(0..<2000)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 30, within: .seconds(20))
    #expect(system.receiver.maxInFlight(path) == 2)

    try await system.store.setParameters(["Concurrency": "8"], of: id)
    try await eventually("eight are in flight", within: .seconds(20)) { system.receiver.maxInFlight(path) == 8 }
    try await system.store.setParameters(["Concurrency": "1"], of: id)
    try await eventually("one is in flight", within: .seconds(20), every: .milliseconds(200)) {
      system.receiver.forget()
      try await system.receiver.waitFor(count: 10)
      return system.receiver.maxInFlight(path) == 1
    }
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try system.missing().isEmpty)
    #expect(system.ledger.duplicates.isEmpty)
  }

  @Test func `ConcurrencyOfRetry bounds the retry channel by itself`() async throws {
    let system = try await SystemHarness.start()
    let firsts = Locked(0)
    let id = try await system.subscribe(parameters: ["Concurrency": "10", "ConcurrencyOfRetry": "2"]) { request in
      if request.field("retry_times") == "0" {
        firsts.withLock { $0 += 1 }
        return .refuse(.status(500))
      }
      return .accept(after: .milliseconds(50))
    }
    try system.publish(0..<60)
    try await system.startDispatcher()
    try await eventually("all have failed once", within: .seconds(20)) { firsts.withLock { $0 } == 60 }
    try await eventually("no first push is under way") { system.receiver.inFlight(system.path(id)) <= 2 }
    system.receiver.forget()
    try await system.waitUntilEmpty()
    #expect(system.receiver.maxInFlight(system.path(id)) == 2)
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  @Test func `a new subscription is served, a cancelled one stops and finishes what is in flight`() async throws {
    let system = try await SystemHarness.start()
    let first = try await system.subscribe { _ in .accept(after: .milliseconds(50)) }
    try system.publish(0..<1000)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 20)

    let second = try await system.subscribe()
    var number = 1000
    try await eventually("the new subscription gets messages", within: .seconds(20), every: .milliseconds(100)) {
      number += 1
      try system.publish(number..<number + 1)
      return system.receiver.count(system.path(second)) > 0
    }

    try await system.store.cancelSubscription(first)
    try system.publish(2000..<2100)
    var seen = -1
    try await eventually("the cancelled one is quiet", within: .seconds(20), every: .milliseconds(500)) {
      let before = seen
      seen = system.receiver.count(system.path(first))
      return seen == before && system.receiver.inFlight(system.path(first)) == 0
    }
    let served = system.receiver.count(system.path(first))
    try system.publish(3000..<3100)
    try await eventually("the other one gets all", within: .seconds(20)) {
      let accepted = system.ledger.accepted
      return (3000..<3100).allSatisfy { accepted.contains(Delivery(message: $0, subscription: second)) }
    }
    #expect(system.receiver.count(system.path(first)) == served)
    #expect(try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0)
    // What it had not got yet is still there, and nobody works on it.
    let left = try system.server.client().jobs(in: SystemHarness.channel(first))
    #expect(left.ready > 0 && left.all == left.ready)

    // Taken up again, as the control panel does it.
    let database = try DatabaseQueue(path: system.directory.file("data/medispatcher.sqlite"))
    try await database.write { database in
      try database.execute(sql: "UPDATE subscriptions SET status = 0 WHERE subscription_id = ?", arguments: [first])
    }
    try await system.waitUntilEmpty()
    #expect((0..<1000).allSatisfy { system.ledger.accepted.contains(Delivery(message: $0, subscription: first)) })
    #expect(system.ledger.duplicates.isEmpty)
  }

  @Test func `while the store can't be opened messages wait, and nothing is dropped`() async throws {
    let place = try TemporaryDirectory("store")
    let prepared = place.file("medispatcher.sqlite")
    let store = SQLiteStore(path: prepared, logger: Logger(label: "test"))
    let system = try SystemHarness(try await BeanstalkdServer.start(), editor: store)
    let id = try await system.subscribe()
    await store.close()
    let path = system.directory.file("data/medispatcher.sqlite")
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/")
    try system.publish(0..<100)
    try await system.startDispatcher()
    try await eventually("all wait") { try system.server.jobs() == JobTotals(buried: 100) }
    #expect(try system.dispatcher.isRunning)
    // In one step: a store that can be opened and is empty would say that nobody wants them.
    #expect(rename(prepared, path) == 0)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == Set((0..<100).map { Delivery(message: $0, subscription: id) }))
    #expect(system.ledger.duplicates.isEmpty)
    #expect(system.records.isEmpty)
  }
}
