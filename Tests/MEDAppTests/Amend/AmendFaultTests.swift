import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§13 amender and queue servers that fail", .showsServerOutput)
struct AmendFaultTests {
  /// A queue server that is well, and what is in it.
  private struct Scene {
    let well: BeanstalkdServer
    let ill: BeanstalkdServer
    let proxy: FaultProxy

    static func start() async throws -> Scene {
      let ill = try await BeanstalkdServer.start()
      let scene = Scene(well: try await .start(), ill: ill, proxy: try FaultProxy(to: ill))
      for server in [scene.well, scene.ill] {
        try server.bury(4, in: "a")
        try server.bury(3, in: "b")
      }
      return scene
    }

    /// The ill one fails with one of `texts`; the well one is done all the same.
    func expectFailure(
      _ texts: String..., change: (inout AmendRequest) -> Void = { _ in }
    ) async throws -> AmendReport {
      let report = try await AmendRequest(proxy.queueServer, well.queueServer, change: change).run()
      #expect(!report.isComplete)
      let told = report.servers[0].failure ?? report.servers[0].tubes.map(\.inWords).joined()
      #expect(texts.contains { told.contains($0) }, "\(told)")
      #expect(report.servers[1].failure == nil)
      #expect(report.servers[1].tubes.map(\.kicked) == [4, 3])
      #expect(try well.jobs() == JobTotals(ready: 7))
      return report
    }
  }

  @Test func `one that nobody listens on`() async throws {
    let scene = try await Scene.start()
    scene.proxy.refuse()
    let report = try await scene.expectFailure("can't connect to \(scene.proxy.address) (connect: Connection refused)")
    {
      $0.patience = .milliseconds(100)
    }
    #expect(report.text.contains("total: 2 queue servers (1 failed), 7 buried in 2 tubes, 7 kicked"))
  }

  @Test func `one whose name has no address`() async throws {
    let well = try await BeanstalkdServer.start()
    try well.bury(1, in: "a")
    let unknown = QueueServerAddress(host: "no-such-host.invalid")
    let report = try await AmendRequest(unknown, well.queueServer).run()
    #expect(report.servers[0].failure?.contains("can't connect to no-such-host.invalid:11300") == true)
    #expect(report.kicked == 1 && !report.isComplete)
  }

  @Test func `one that accepts and says nothing`() async throws {
    let scene = try await Scene.start()
    scene.proxy.add(.swallow(.toClient))
    _ = try await scene.expectFailure("can't connect to \(scene.proxy.address) (") { $0.patience = .milliseconds(300) }
  }

  @Test func `one that falls silent in the middle`() async throws {
    let scene = try await Scene.start()
    scene.proxy.add(.swallow(afterSeeing: "KICKED", .toClient))
    let report = try await scene.expectFailure("no answer within") {
      $0.replyTimeout = .milliseconds(500)
      $0.concurrency = 1
    }
    #expect(report.servers[0].tubesNotReached == 1)
    #expect(try report.servers[0].tube("a").inWords.contains("what the last batch did isn't known"))
  }

  @Test(arguments: ["KICKED ", "current-jobs-buried: ", "- b"])
  func `one whose connections are cut in the middle of an answer`(place: String) async throws {
    let scene = try await Scene.start()
    scene.proxy.add(.cut(afterSeeing: place, .toClient, times: .max))
    let report = try await scene.expectFailure(
      // Which of them depends on what was on its way to the server.
      "the server closed the connection", "recv: Connection reset by peer", "send: Broken pipe")
    #expect(try scene.ill.jobs().ready >= report.servers[0].tubes.reduce(0) { $0 + $1.kicked })
  }

  @Test func `one that isn't a queue server`() async throws {
    let scene = try await Scene.start()
    scene.proxy.add(.custom(.toClient) { _ in .replace(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) })
    _ = try await scene.expectFailure("unreadable answer") { $0.patience = .milliseconds(300) }
  }

  @Test func `one that talks nonsense in the middle`() async throws {
    let scene = try await Scene.start()
    scene.proxy.replace("KICKED 4", by: "KICKED four")
    _ = try await scene.expectFailure("unreadable answer")
  }

  @Test(arguments: ["OUT_OF_MEMORY", "INTERNAL_ERROR"])
  func `one that refuses to kick in one tube is asked for the others`(answer: String) async throws {
    let scene = try await Scene.start()
    scene.proxy.replace("KICKED 4", by: answer)
    let report = try await scene.expectFailure("failed: kick was answered with \(answer)")
    #expect(report.servers[0].failure == nil)
    #expect(try report.servers[0].tube("b").kicked == 3)
  }

  @Test func `one that can't kick, because its disk is full, is given up`() async throws {
    let scene = try await Scene.start()
    // The proxy hides the kicks from the server and answers itself.
    scene.proxy.add(
      .custom(.toServer) { piece in
        guard let range = piece.firstRange(of: Array("kick 4".utf8)) else { return .forward }
        return .replace(Array(piece[..<range.lowerBound] + Array("kick 0".utf8) + piece[range.upperBound...]))
      })
    let report = try await scene.expectFailure("kicks none of 4 buried jobs")
    #expect(try report.servers[0].tube("b").kicked == 3)
  }

  @Test func `one that drains kicks as ever`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.bury(4, in: "a")
    try await server.drain()
    let report = try await AmendRequest(server.queueServer).run()
    #expect(report.isComplete)
    #expect(report.kicked == 4)
  }
}
