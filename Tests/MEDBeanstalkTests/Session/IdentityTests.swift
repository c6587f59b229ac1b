import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 A job is known by server instance and number", .showsServerOutput)
struct IdentityTests {
  private let orders = TubeName("orders") ?? .standard

  /// Takes one job, restarts the server, and waits until the session is back.
  private func restarted(
    binlog: Bool,
    _ body: @Sendable @escaping (isolated LoopActor, BeanstalkServer, BeanstalkdServer, Job) async throws -> Void
  ) async throws {
    let beanstalkd = try await BeanstalkdServer.start(binlog: binlog, extraArguments: binlog ? ["-f", "0"] : [])
    try await withSession(beanstalkd.address) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("mine"))]).stored == [1])
      let job = try #require(await server.take(1, from: orders).jobs.first)
      try await beanstalkd.stop()
      try await actor.waitUntil("the end was noticed") { !server.isFullyConnected && !server.isReachable }
      try await beanstalkd.start()
      try await actor.waitUntil("connected again") { server.isFullyConnected }
      try await body(actor, server, beanstalkd, job)
    }
  }

  @Test func `a stranger with the same number survives our delete and our kick`() async throws {
    try await restarted(binlog: false) { actor, server, beanstalkd, job in
      let witness = try beanstalkd.client()
      #expect(try witness.put("a stranger's", into: "orders") == job.id.number)
      _ = try #require(try witness.reserve(from: "orders"))
      #expect(try witness.bury(job.id.number))
      #expect(await server.delete([job]) == [.done])
      #expect(await server.kick([job]) == [.done])
      try #expect(beanstalkd.jobs() == JobTotals(buried: 1))
    }
  }

  @Test func `a stranger in another tube survives even with the same bytes`() async throws {
    try await restarted(binlog: false) { actor, server, beanstalkd, job in
      #expect(try beanstalkd.client().put("mine", into: "elsewhere") == job.id.number)
      #expect(try await server.peek(job.id, in: orders) == nil)
      #expect(await server.delete([job]) == [.done])
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
    }
  }

  @Test func `a job that the server kept over its restart is deleted`() async throws {
    try await restarted(binlog: true) { actor, server, beanstalkd, job in
      try #expect(beanstalkd.jobs() == JobTotals(buried: 1))
      #expect(try await server.peek(job.id, in: orders) == bytes("mine"))
      #expect(await server.delete([job]) == [.done])
      #expect(await server.delete([job]) == [.notFound])
      try #expect(beanstalkd.jobs() == JobTotals())
    }
  }

  @Test func `a job that the server kept over its restart is kicked, beside one of the present run`() async throws {
    try await restarted(binlog: true) { actor, server, beanstalkd, job in
      #expect(await server.put([Put(tube: orders, body: bytes("new"))]).stored.count == 1)
      let new = try #require(await server.take(1, from: orders).jobs.first)
      #expect(new.id.instance != job.id.instance)
      #expect(await server.kick([job, new]) == [.done, .done])
      try #expect(beanstalkd.jobs() == JobTotals(ready: 2))
    }
  }

  @Test func `a job that is gone with its server is not found`() async throws {
    try await restarted(binlog: false) { actor, server, beanstalkd, job in
      #expect(await server.delete([job]) == [.notFound])
      #expect(await server.kick([job]) == [.notFound])
    }
  }

  @Test func `the body of a job can be looked at`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      _ = await server.put([Put(tube: orders, body: bytes("mine"))])
      let job = try #require(await server.take(1, from: orders).jobs.first)
      #expect(try await server.peek(job.id, in: orders) == bytes("mine"))
      #expect(try await server.peek(JobID(instance: job.id.instance, number: 99), in: orders) == nil)
    }
  }
}
