import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§13 amender while others are at work", .showsServerOutput)
struct AmendRaceTests {
  @Test func `a tube that somebody begins to watch between the look and the kick is left alone`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.bury(5, in: "a")
    let proxy = try server.proxy(before: "current-jobs-buried: 5") { _ = try $0.ask("watch a") }
    let report = try await AmendRequest(proxy.queueServer).run()
    #expect(report.isComplete)
    #expect(report.servers[0].tubes == [.init(name: "a", buried: 5, outcome: .watched(by: 1), left: 5)])
    #expect(try server.jobs() == JobTotals(buried: 5))
  }

  @Test func `a tube that somebody begins to watch between two batches is left alone from then on`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.bury(600, in: "a")
    let proxy = try server.proxy(before: "KICKED") { _ = try $0.ask("watch a") }
    let report = try await AmendRequest(proxy.queueServer).run()
    let tube = try report.servers[0].tube("a")
    // The look before the second batch may have left before the answer to the first one was seen.
    #expect(tube.kicked >= 100 && tube.kicked < 600)
    #expect(tube.outcome == .watched(by: 1))
    #expect(tube.left == 600 - tube.kicked)
    #expect(try server.jobs() == JobTotals(ready: tube.kicked, buried: tube.left))
    #expect(
      report.text.contains("kicked \(tube.kicked), then skipped: watched by 1 connection, \(tube.left) left buried"))
  }

  @Test func `a tube that vanishes after it was listed is no failure`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.bury(1, in: "gone")
    try server.bury(1, in: "stays")
    let proxy = try server.proxy(before: "- gone") { try #expect($0.delete(1)) }
    let report = try await AmendRequest(proxy.queueServer).run()
    #expect(report.isComplete)
    #expect(report.servers[0].tubes.map(\.name) == ["stays"])
    #expect(report.servers[0].tubesNotReached == 0)
  }

  @Test func `jobs that others take away meanwhile are no failure, and no delayed one is woken`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.bury(8, in: "a", delayed: 3)
    let proxy = try server.proxy(before: "current-jobs-buried: 8") { client in
      for id: UInt64 in 1...8 { try #expect(client.delete(id)) }
    }
    let report = try await AmendRequest(proxy.queueServer).run()
    #expect(report.isComplete)
    #expect(report.kicked == 0)
    #expect(try server.jobs() == JobTotals(delayed: 3))
  }

  @Test func `several at the same time kick everything once and wake no delayed job`() async throws {
    let server = try await BeanstalkdServer.start()
    for tube in 0..<8 { try server.bury(tube % 2 == 0 ? 60 : 440, in: "t\(tube)", delayed: 20) }
    let reports = try await withThrowingTaskGroup(of: AmendReport.self) { group in
      for _ in 0..<3 { group.addTask { try await AmendRequest(server.queueServer).run() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(reports.allSatisfy { $0.isComplete })
    #expect(reports.reduce(0) { $0 + $1.kicked } == 2000)
    #expect(try server.jobs() == JobTotals(ready: 2000, delayed: 160))
  }
}
