import Glibc
import MEDBeanstalk
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§13 amender on real queue servers", .showsServerOutput)
struct AmenderTests {
  @Test func `buried jobs of unwatched tubes are kicked, delayed ones stay, watched tubes are left alone`() async throws
  {
    let server = try await BeanstalkdServer.start()
    try server.bury(3, in: "a", delayed: 2)
    try server.bury(2, in: "b", delayed: 1)
    let worker = try server.client()
    #expect(try worker.ask("watch b") == ["WATCHING", "2"])

    let dry = try await AmendRequest(server.queueServer) { $0.isDryRun = true }.run()
    #expect(dry.isComplete)
    #expect(dry.servers[0].tubes.map(\.outcome) == [.wouldKick, .watched(by: 1)])
    #expect(dry.kicked == 0 && dry.buried == 5)
    #expect(try worker.jobs(in: "a") == JobTotals(delayed: 2, buried: 3))

    let report = try await AmendRequest(server.queueServer).run()
    #expect(report.isComplete)
    #expect(report.kicked == 3)
    #expect(try report.servers[0].tube("b") == .init(name: "b", buried: 2, outcome: .watched(by: 1), left: 2))
    #expect(try worker.jobs(in: "a") == JobTotals(ready: 3, delayed: 2))
    #expect(try worker.jobs(in: "b") == JobTotals(delayed: 1, buried: 2))

    let even = try await AmendRequest(server.queueServer) { $0.includesWatched = true }.run()
    #expect(even.kicked == 2)
    #expect(try worker.jobs(in: "b") == JobTotals(ready: 2, delayed: 1))
  }

  @Test(arguments: [1, 16])
  func `several servers and many tubes are done, each with its numbers`(concurrency: Int) async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    for server in servers {
      for number in 0..<40 { try server.bury(number % 4, in: "t/\(number)", delayed: 1) }
    }
    let report = try await AmendRequest(servers[0].queueServer, servers[1].queueServer) {
      $0.concurrency = concurrency
    }.run()
    #expect(report.isComplete)
    #expect(report.servers.map(\.address) == servers.map(\.address))
    #expect(report.servers.map(\.tubesSeen) == [40, 40])
    for server in report.servers {
      #expect(server.tubes.map(\.name) == (0..<40).filter { $0 % 4 > 0 }.map { "t/\($0)" }.sorted())
      #expect(server.tubes.allSatisfy { $0.kicked == $0.buried && $0.outcome == .kicked && $0.left == 0 })
    }
    #expect((report.buried, report.kicked, report.left) == (120, 120, 0))
    for server in servers { #expect(try server.jobs() == JobTotals(ready: 60, delayed: 40)) }
  }

  @Test func `more jobs than a batch holds are kicked, with and without delayed ones beside them`() async throws {
    let server = try await BeanstalkdServer.start(binlog: true)
    try server.bury(1500, in: "a")
    try server.bury(1500, in: "b", delayed: 7)
    let report = try await AmendRequest(server.queueServer).run()
    #expect(report.kicked == 3000)
    #expect(try server.jobs() == JobTotals(ready: 3000, delayed: 7))
  }

  @Test func `default is left out, though amender is the only one that watches it`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.bury(2, in: "default")
    try server.bury(1, in: "a")
    let report = try await AmendRequest(server.queueServer) { $0.includesWatched = true }.run()
    #expect(report.servers[0].tubes.map(\.name) == ["a"])
    #expect(try server.jobs() == JobTotals(ready: 1, buried: 2))
  }

  @Test func `patterns choose tubes, and those that match none are told`() async throws {
    let server = try await BeanstalkdServer.start()
    for tube in ["order/sub/1", "order/sub/2", "order/sub/2/FAIL", "mail/sub/1", "a($)+;."] {
      try server.bury(1, in: tube)
    }
    func kicked(_ patterns: String...) async throws -> [String] {
      let report = try await AmendRequest(server.queueServer) {
        $0.patterns = patterns.map(TubePattern.init)
        $0.isDryRun = true
      }.run()
      #expect(report.isComplete == report.unmatched.isEmpty)
      return report.servers[0].tubes.map(\.name) + report.unmatched.map { "no \($0)" }
    }
    #expect(try await kicked("order/*") == ["order/sub/1", "order/sub/2", "order/sub/2/FAIL"])
    #expect(try await kicked("*/[2-9]", "mail*") == ["mail/sub/1", "order/sub/2"])
    #expect(try await kicked("a($)+;.") == ["a($)+;."])
    #expect(try await kicked("?rder/sub/1", "order/sub", "*/FAI") == ["order/sub/1", "no order/sub", "no */FAI"])
    #expect(try await kicked("def*") == ["no def*"])
  }

  @Test func `a server that the file names twice, by name and by address, is worked on once`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.bury(5, in: "a")
    let request = AmendRequest(
      server.queueServer, QueueServerAddress(host: "localhost", port: server.port), server.queueServer)
    #expect(request.servers.count == 2)
    let report = try await request.run()
    #expect(report.isComplete)
    #expect((report.buried, report.kicked) == (5, 5))
    #expect(report.servers.compactMap(\.sameAs).count == 1)
  }

  @Test(.enabled(if: IPv6.isThere, "no IPv6 here"))
  func `a server is reached over IPv6`() async throws {
    let address = QueueServerAddress(host: "::1", port: try FreePort.next())
    let process = try ServerProcess("beanstalkd", ["-l", "::1", "-p", "\(address.port)"])
    try await eventually("it listens") {
      (try? connectTCP(host: "::1", port: address.port, timeout: .seconds(5))) != nil
    }
    let client = try await BeanstalkClient.connect(to: address)
    let tube = try #require(TubeName("a"))
    _ = try await client.put([1], into: tube)
    #expect(await client.take(1, from: tube).jobs.count == 1)
    await client.close()
    let report = try await AmendRequest(address) { $0.includesWatched = true }.run()
    #expect(report.kicked == 1)
    #expect(report.servers[0].address == "[::1]:\(address.port)")
    try await process.stop()
  }
}

enum IPv6 {
  static var isThere: Bool {
    guard let descriptor = try? listenTCP(ListenAddress(host: "::1", port: 0)) else { return false }
    close(descriptor)
    return true
  }
}
