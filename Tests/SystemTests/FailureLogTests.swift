import Foundation
import MEDTestSupport
import Testing

/// Where in the life of a failing message the dispatcher is killed, while no row can be written.
enum FailureKillPoint: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case beforeRetryPut = "it has failed and its retry isn't put"
  case afterRetryPut = "its retry is put and its job isn't deleted"
  case beforeDelete = "its retry is delivered and not deleted"
  case afterDelete = "its retry is delivered and deleted, and the row isn't written"
  case givenUpBeforeDelete = "it is given up, recorded and not deleted"
  case givenUpAfterDelete = "it is given up and deleted, and the row isn't written"

  var testDescription: String { rawValue }
  var isGivenUp: Bool { self == .givenUpBeforeDelete || self == .givenUpAfterDelete }
  /// Nothing of the messages is in a queue then.
  var leavesNothing: Bool { self == .afterDelete || self == .givenUpAfterDelete }
}

@Suite("§7 Failure log: the built dispatcher", .showsServerOutput)
struct FailureLogTests {
  @Test func `each message that failed has one row, with body, texts, target and its end`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "1"])
    let accepting = try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(503)) : .accept }
    let refusing = try await system.subscribe { _ in .refuse(.json(#"{"status": 0, "why": "ü"}"#)) }
    try await system.subscribe()
    try await system.startDispatcher()
    try system.publish(0..<20)
    try await system.waitUntilEmpty()
    let rows = try await system.waitForClosedRows(40)
    #expect(Set(rows.map(\.jobID)).count == 40)
    for row in rows {
      #expect([accepting, refusing].contains(row.subscription))
      #expect(row.finalStatus == (row.subscription == accepting ? 1 : 0))
      #expect(row.retryTimes == 1)
      #expect(row.target == system.receiver.url(system.path(row.subscription)))
      #expect(row.first.hasPrefix("medispatcher addr: "))
      #expect(row.first.contains(" target: \(row.target) status: \(row.subscription == accepting ? 503 : 200) "))
      #expect(row.body.contains(#"{"id":"m-0000"#))
      #expect(row.jobID.hasSuffix("-\(row.subscription)"))
      if row.subscription == refusing { #expect(row.last.hasSuffix(#"answer: {"status": 0, "why": "ü"}"#)) }
    }
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(system.directory.read("data/failures.journal").isEmpty)
  }

  @Test func `a locked store delays no push, and the rows are written when it is free`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(500)) : .accept }
    try await system.startDispatcher()
    let lock = try await system.lockStore()
    try system.publish(0..<100)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(try await system.failureRows().isEmpty)
    lock.release()
    let rows = try await system.waitForClosedRows(100)
    #expect(rows.allSatisfy { $0.finalStatus == 1 })
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `what a stop can't write is written at the next start`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe { $0.field("retry_times") == "0" ? .refuse(.status(500)) : .accept }
    try await system.startDispatcher()
    let lock = try await system.lockStore()
    try system.publish(0..<20)
    try await system.waitUntilEmpty()
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(try await system.failureRows().isEmpty)
    lock.release()
    try await system.startDispatcher()
    let rows = try await system.waitForClosedRows(20)
    #expect(rows.allSatisfy { $0.finalStatus == 1 && $0.first.contains("status: 500") })
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test(arguments: FailureKillPoint.allCases)
  func `rows are closed rightly after a kill and a restart`(point: FailureKillPoint) async throws {
    let system = try await SystemHarness.start(
      settings: ["MaxRetryTimesOfSendingMessage": point.isGivenUp ? "1" : "10"], throughProxy: true)
    let isUp = Locked(false)
    try await system.subscribe { request in
      if point.isGivenUp { return .refuse(.status(500)) }
      return request.field("retry_times") == "0" && !isUp.withLock { $0 } ? .refuse(.status(500)) : .accept
    }
    arm(point, system)
    // Started once before the lock is taken, so that the store is there and the lock alone is in the way.
    try await system.startDispatcher()
    let lock = try await system.lockStore()
    try system.publish(0..<1)
    #expect(try await system.dispatcher.waitForExit(within: .seconds(30)) == .signal(SIGKILL))
    system.proxy.removeAllRules()
    system.proxy.cutAll()
    try await eventually("the server has noticed that its clients are gone") {
      try system.server.client().stats()["current-connections"] == "1"
    }
    #expect(try await system.failureRows().isEmpty, "the row can't have been written")
    lock.release()

    #expect(try await system.amend().status == .code(0))
    #expect(try system.server.jobs().all == (point.leavesNothing ? 0 : point == .afterRetryPut ? 2 : 1))
    isUp.withLock { $0 = true }
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    let rows = try await system.waitForClosedRows(1)
    #expect(rows.map(\.finalStatus) == [point.isGivenUp ? 0 : 1])
    #expect(rows.allSatisfy { $0.first.contains("status: 500") && $0.body.contains("m-000000") })
    #expect(try await system.stopDispatcher() == .code(0))
    // Where the message is there twice, its second end comes after the first and may count another retry.
    let atEnd = try await system.failureRows()
    #expect(atEnd.count == 1 && atEnd.allSatisfy { !$0.isAlive })
    #expect(atEnd.map(\.finalStatus) == rows.map(\.finalStatus))
    #expect(atEnd.map(\.first) == rows.map(\.first))
    #expect(system.directory.read("data/failures.journal").isEmpty)
  }

  @Test func `every message that failed has one closed row after kills at any moment`() async throws {
    let system = try await SystemHarness.start()
    for _ in 0..<2 {
      try await system.subscribe { request in
        // One message in three fails at its first pushes, however often it is pushed as a new one.
        let number = MessageMark.find(in: request.body) ?? 0
        return request.field("retry_times") == "0" && number % 3 == 0
          ? .refuse(.status(500)) : .accept(after: .milliseconds(5))
      }
    }
    try system.publish(0..<300)
    for _ in 1...5 {
      let before = system.receiver.count()
      try await system.startDispatcher()
      let lock = Bool.random() ? try await system.lockStore() : nil
      let pushes = Int.random(in: 1...150)
      try await eventually("\(pushes) more pushes", within: .seconds(20), every: .milliseconds(1)) {
        try system.receiver.count() >= before + pushes || system.server.jobs().all == 0
      }
      try await system.dispatcher.crash()
      lock?.release()
      try await eventually("the server has noticed that its client is gone") {
        try system.server.client().stats()["current-connections"] == "1"
      }
      #expect(try await system.amend().status == .code(0))
    }
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    let rows = try await system.waitForClosedRows(200)
    #expect(Set(rows.map(\.jobID)).count == 200)
    #expect(rows.allSatisfy { $0.finalStatus == 1 })
    #expect(try await system.stopDispatcher() == .code(0))
  }

  // MARK: Kill points

  /// The message is job 1, its copy job 2, its retry job 3.
  private func arm(_ point: FailureKillPoint, _ system: SystemHarness) {
    switch point {
    case .beforeRetryPut:
      system.proxy.add(
        .custom(.toServer) { piece in
          guard piece.contains("put 1024 1 ") else { return .forward }
          system.kill()
          return .drop
        })
    case .afterRetryPut: killBeforeDelete(of: 2, system)
    case .beforeDelete, .givenUpBeforeDelete: killBeforeDelete(of: 3, system)
    case .afterDelete, .givenUpAfterDelete: killAfterDelete(of: 3, system)
    }
  }

  private func killBeforeDelete(of job: Int, _ system: SystemHarness) {
    system.proxy.add(
      .custom(.toServer) { piece in
        guard piece.deletedJobs.contains(job) else { return .forward }
        system.kill()
        return .drop
      })
  }

  private func killAfterDelete(of job: Int, _ system: SystemHarness) {
    let isSent = Locked(false)
    system.proxy.add(
      .custom(.toServer) { piece in
        if piece.deletedJobs.contains(job) { isSent.withLock { $0 = true } }
        return .forward
      })
    system.proxy.add(
      .custom(.toClient) { piece in
        guard isSent.withLock({ $0 }), piece.contains("DELETED\r\n") else { return .forward }
        system.kill()
        return .drop
      })
  }
}
