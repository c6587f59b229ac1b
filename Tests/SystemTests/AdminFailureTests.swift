import Foundation
import MEDTestSupport
import Testing

@Suite("§8 Admin API: failures of a dispatcher", .showsServerOutput)
struct AdminFailureTests {
  @Test func `a message that was given up is tried again, with the same jobid, in the same row`() async throws {
    let admin = try await AdministeredSystem.start(settings: ["MaxRetryTimesOfSendingMessage": "1"])
    let system = admin.system
    let accepts = Locked(false)
    let id = try await system.subscribe { _ in accepts.withLock { $0 } ? .accept : .refuse(.status(500)) }
    try await admin.startDispatcher()
    try system.publish(0..<3)
    try await system.waitUntilEmpty()
    let rows = try await system.waitForClosedRows(3)
    let first = system.receiver.requests(system.path(id))

    let page = try admin.object("GET", "/failures?subscription=\(id)&state=given_up&limit=2")
    let listed = try #require(page["failures"] as? [[String: Any]])
    #expect(listed.count == 2)
    #expect(listed.allSatisfy { $0["topic"] as? String == SystemHarness.topic && $0["message"] == nil })
    let next = try #require(page["next"] as? Int)
    #expect((try admin.object("GET", "/failures?before=\(next)")["failures"] as? [Any])?.count == 1)
    #expect((try admin.object("GET", "/failures?state=open")["failures"] as? [Any])?.isEmpty == true)
    #expect((try admin.object("GET", "/failures?topic=nothing")["failures"] as? [Any])?.isEmpty == true)
    #expect((try admin.object("GET", "/failures?from=2099-01-01T00:00:00Z")["failures"] as? [Any])?.isEmpty == true)

    let row = try #require(listed.first?["id"] as? Int)
    let jobID = try #require(listed.first?["job_id"] as? String)
    #expect(rows.contains { $0.jobID == jobID })
    let whole = try admin.object("GET", "/failures/\(row)")
    #expect((whole["message"] as? [String: Any])?["id"] != nil)

    accepts.withLock { $0 = true }
    let again = try admin.object("POST", "/failures/\(row)/retry", status: 202)
    #expect(again["job_id"] as? String == jobID)
    try await eventually("the row tells", within: .seconds(60)) {
      try admin.object("GET", "/failures/\(row)")["state"] as? String == "delivered"
    }
    let requests = system.receiver.requests(system.path(id))
    #expect(requests.count == first.count + 1)
    let last = try #require(requests.last)
    #expect(last.field("jobid") == jobID && last.field("retry_times") == "0")
    let before = try #require(first.first { $0.field("jobid") == jobID })
    #expect(last.field("message") == before.field("message"))
    #expect(try admin.send("POST", "/failures/\(row)/retry").status == 409)
    #expect(try admin.send("POST", "/failures/999999/retry").status == 404)
    let all = try await system.waitForClosedRows(3)
    #expect(all.count == 3)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `asked twice at once, one message is put once`() async throws {
    let admin = try await AdministeredSystem.start(settings: ["MaxRetryTimesOfSendingMessage": "0"])
    let system = admin.system
    let id = try await system.subscribe { _ in .refuse(.status(500)) }
    try await admin.startDispatcher()
    try system.publish(0..<1)
    try await system.waitUntilEmpty()
    _ = try await system.waitForClosedRows(1)
    let row = try #require(
      (try admin.object("GET", "/failures")["failures"] as? [[String: Any]])?.first?["id"] as? Int)
    let before = system.receiver.requests(system.path(id)).count
    var statuses: [Int] = []
    for _ in 0..<5 { statuses.append(try admin.send("POST", "/failures/\(row)/retry").status) }
    #expect(statuses == [202, 409, 409, 409, 409])
    try await system.waitUntilEmpty()
    #expect(system.receiver.requests(system.path(id)).count == before + 1)
    _ = try admin.object("DELETE", "/subscriptions/\(id)")
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `a message that failed while it was tried again and the dispatcher was killed is not lost`() async throws {
    let admin = try await AdministeredSystem.start(settings: ["MaxRetryTimesOfSendingMessage": "0"])
    let system = admin.system
    let accepts = Locked(false)
    let id = try await system.subscribe { _ in accepts.withLock { $0 } ? .accept : .refuse(.status(500)) }
    try await admin.startDispatcher()
    try system.publish(0..<1)
    try await system.waitUntilEmpty()
    _ = try await system.waitForClosedRows(1)
    let row = try #require(
      (try admin.object("GET", "/failures")["failures"] as? [[String: Any]])?.first?["id"] as? Int)
    // It is put, and the dispatcher dies before anything comes of it.
    system.receiver.hold(system.path(id))
    accepts.withLock { $0 = true }
    #expect(try admin.send("POST", "/failures/\(row)/retry").status == 202)
    try await eventually("it is in flight", within: .seconds(30)) { try system.server.jobs().buried == 1 }
    system.kill()
    _ = try await system.dispatcher.waitForExit()
    system.receiver.release(system.path(id))
    #expect(try await system.amend().status == .code(0))
    try await admin.startDispatcher()
    try await system.waitUntilEmpty()
    try await eventually("the row tells", within: .seconds(60)) {
      try admin.object("GET", "/failures/\(row)")["state"] as? String == "delivered"
    }
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
