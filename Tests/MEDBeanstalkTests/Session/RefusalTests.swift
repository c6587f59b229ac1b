import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 Answers that refuse", .showsServerOutput)
struct RefusalTests {
  private let orders = TubeName("orders") ?? .standard

  /// A proxy that replaces `text` by `other` in what the server says.
  private func proxy(
    _ server: BeanstalkdServer, _ text: String, _ other: String, _ direction: Direction = .toClient
  ) throws -> FaultProxy {
    let proxy = try FaultProxy(to: server)
    proxy.add(
      .custom(direction) { piece in
        let pattern = Array(text.utf8)
        guard let range = piece.firstRange(of: pattern) else { return .forward }
        return .replace(Array(piece[..<range.lowerBound] + Array(other.utf8) + piece[range.upperBound...]))
      })
    return proxy
  }

  @Test func `a job larger than the server takes is refused for good, and the others are stored`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(maxJobSize: 100)
    let puts = [10, 101, 100].map { Put(tube: orders, body: Array(repeating: 120, count: $0)) }
    try await withSession(beanstalkd.address) { actor, server in
      #expect(await server.put(puts) == [.stored(1), .tooBig, .stored(2)])
    }
    // The same when the server says so, rather than its `stats`.
    let proxy = try proxy(beanstalkd, "max-job-size: 100", "max-job-size: 900")
    try await withSession(proxy.address) { actor, server in
      let outcomes = await server.put(puts)
      #expect(outcomes[1] == .tooBig)
      #expect(outcomes.stored.count == 2)
    }
    try #expect(beanstalkd.jobs() == JobTotals(ready: 4))
  }

  @Test func `a draining server refuses puts and goes on with the rest`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("one"))]).stored.count == 1)
      try await beanstalkd.drain()
      #expect(await server.put([Put(tube: orders, body: bytes("two"))]) == [.refused("DRAINING")])
      let taken = await server.take(2, from: orders)
      #expect(taken.jobs.count == 1)
      #expect(await server.delete(taken.jobs) == [.done])
      #expect(try await server.statistics().draining)
    }
  }

  @Test func `a put answered BURIED is stored, and kicked`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    // Buries the job before it says so.
    proxy.add(
      .custom(.toClient) { piece in
        guard let range = piece.firstRange(of: Array("INSERTED 1\r\n".utf8)),
          let witness = try? beanstalkd.client(), let job = try? witness.reserve(from: "orders"),
          (try? witness.bury(job.id)) != nil
        else { return .forward }
        return .replace(Array(piece[..<range.lowerBound] + Array("BURIED 1\r\n".utf8) + piece[range.upperBound...]))
      })
    try await withSession(proxy.address) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("one"))]) == [.stored(1)])
      try #expect(beanstalkd.client().stats(job: 1)?["buries"] == "1")
      try await actor.waitUntil("kicked") { try beanstalkd.jobs() == JobTotals(ready: 1) }
      try await actor.waitUntil("forgotten") { server.adrift.isEmpty }
    }
  }

  @Test(arguments: ["OUT_OF_MEMORY", "INTERNAL_ERROR", "EXPECTED_CRLF"])
  func `a put answered with an error is refused with that error`(_ word: String) async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try proxy(beanstalkd, "INSERTED 1\r\n", "\(word)\r\n")
    try await withSession(proxy.address) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("one"))]) == [.refused(word)])
      #expect(await server.put([Put(tube: orders, body: bytes("two"))]).stored == [2])
    }
  }

  @Test func `nothing is put into a tube whose watch was refused`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try proxy(beanstalkd, "WATCHING 2\r\n", "OUT_OF_MEMORY\r\n")
    try await withSession(proxy.address) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("one"))]) == [.refused("OUT_OF_MEMORY")])
      try #expect(beanstalkd.jobs() == JobTotals())
      proxy.removeAllRules()
      #expect(await server.put([Put(tube: orders, body: bytes("two"))]).stored == [1])
    }
  }

  @Test func `a use that isn't confirmed closes the connection, and its puts count as unanswered`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try proxy(beanstalkd, "USING orders\r\n", "USING border\r\n")
    try await withSession(proxy.address) { actor, server in
      // It is back within milliseconds, perhaps before this goes on.
      let changes = Box<[Bool]>([])
      server.onReachabilityChange = { changes.value.append($0.isReachable) }
      #expect(await server.put([Put(tube: orders, body: bytes("one"))]) == [.unanswered])
      #expect(changes.value.first == false)
      #expect(server.health.latestError?.code == .protocolViolation)
      proxy.removeAllRules()
      try await actor.waitUntil("connected again") { server.isReachable }
      #expect(await server.put([Put(tube: orders, body: bytes("two"))]).stored.count == 1)
    }
  }

  @Test func `nothing is taken when the watch was refused`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let witness = try beanstalkd.client()
    try witness.put("a", into: "default")
    try witness.put("b", into: "orders")
    var configuration = BeanstalkConfiguration()
    configuration.takeConnections = 1
    // The watch is refused, so the ignore of the only tube is too: a reserve would take from `default`.
    let proxy = try proxy(beanstalkd, "watch orders\r\n", "watch -orders\r\n", .toServer)
    try await withSession(proxy.address, configuration) { actor, server in
      let taken = await server.take(2, from: orders)
      #expect(taken.jobs.isEmpty)
      #expect(taken.failure?.contains("BAD_FORMAT") == true)
      try #expect(beanstalkd.jobs() == JobTotals(ready: 2))
      proxy.removeAllRules()
      try await actor.waitUntil("connected again") { server.isFullyConnected }
      #expect(await server.take(2, from: orders).jobs.map(\.body) == [bytes("b")])
    }
  }

  @Test func `a job whose bury was answered NOT_FOUND isn't ours`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 1...3 { try beanstalkd.client().put("\(number)", into: "orders") }
    let proxy = try proxy(beanstalkd, "bury 2 ", "bury 77 ", .toServer)
    try await withSession(proxy.address) { actor, server in
      let taken = await server.take(3, from: orders)
      #expect(taken.jobs.map(\.id.number) == [1, 3])
      #expect(!taken.ranDry)
      #expect(taken.failure == nil)
    }
    // The server has it back once the connection is gone.
    try await eventually("2 is ready again") { try beanstalkd.jobs() == JobTotals(ready: 1, buried: 2) }
  }

  @Test func `an answer that nothing was asked for closes the connection`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try proxy(beanstalkd, "INSERTED 1\r\n", "INSERTED 1\r\nDELETED\r\n")
    try await withSession(proxy.address) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("one"))]) == [.stored(1)])
      try await actor.waitUntil("noticed") { server.health.latestError?.code == .protocolViolation }
    }
  }
}
