import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 Reserved jobs that come to another connection of ours while they are deleted", .showsServerOutput)
struct ReservedMoveTests {
  private let orders = TubeName("orders") ?? .standard

  private var reserving: BeanstalkConfiguration {
    var configuration = quickReconnects
    configuration.inFlightState = .reserved
    return configuration
  }

  /// Two jobs that one connection has reserved, which aren't known to be there: another one is taken for their holder, and
  /// what is sent over that never arrives. Answers over all others take a while.
  private final class Scene {
    let held: ReservedJobs
    let jobs: [Job]
    let believed: SingleConnection
    let holder: SingleConnection
    let proxies: [FaultProxy]

    init(_ actor: LoopActor, _ server: BeanstalkServer, _ slow: FaultProxy, _ beanstalkd: BeanstalkdServer) async throws
    {
      guard case .reserved(let held) = server.custody else { throw Missing(description: "jobs stay reserved") }
      self.held = held
      let deaf = try FaultProxy(to: beanstalkd)
      let endpoint = Endpoint(
        actor: actor, address: QueueServerAddress(host: "127.0.0.1", port: deaf.port),
        configuration: server.endpoint.configuration, readBuffer: server.endpoint.readBuffer)
      believed = try await .open(endpoint)
      holder = try await .open(server.endpoint)
      proxies = [deaf, slow]
      _ = try await holder.ask(.watch(try tube("orders")))
      var jobs: [Job] = []
      for _ in 0..<2 {
        guard case .reserved(let number, _) = try await holder.ask(.reserve).reply else {
          throw Missing(description: "a job")
        }
        let id = JobID(instance: server.commands[0].instance, number: number)
        jobs.append(Job(id: id, tube: try tube("orders"), body: []))
      }
      self.jobs = jobs
      let connection = try #require(believed.connection)
      for job in jobs { #expect(held.accept(job, from: connection), "they are new") }
      deaf.add(.swallow(.toServer))
      slow.add(.delay(.milliseconds(200), .toClient))
    }

    /// The holder's answer has come.
    func comesToHolder(_ job: Job) throws {
      #expect(try !held.accept(job, from: #require(holder.connection)), "somebody is at work on it")
    }
  }

  private func withScene(_ body: @escaping @Sendable (isolated LoopActor, BeanstalkServer, Scene) async throws -> Void)
    async throws
  {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<2 { try beanstalkd.client().put("\(number)", into: "orders") }
    let slow = try FaultProxy(to: beanstalkd)
    try await withSession(slow.address, reserving) { actor, server in
      let scene = try await Scene(actor, server, slow, beanstalkd)
      try await body(actor, server, scene)
      try #expect(beanstalkd.jobs() == JobTotals())
      scene.holder.close()
    }
  }

  @Test func `one of them only when the other is asked for where it is now`() async throws {
    try await withScene { actor, _, scene in
      let outcomes = Box<[SettleOutcome]>([])
      let deleting = actor.spawn { outcomes.value = await scene.held.delete(scene.jobs) }
      try await actor.waitUntil("they are asked for") { scene.believed.connection?.isAwaiting == true }
      try scene.comesToHolder(scene.jobs[0])
      scene.believed.close()
      try await actor.waitUntil("the first is asked for again") { scene.holder.connection?.isAwaiting == true }
      try scene.comesToHolder(scene.jobs[1])
      await deleting.value
      #expect(outcomes.value == [.done, .done])
      #expect(scene.held.count == 0)
    }
  }

  @Test func `one of them so late that it is left to the next try`() async throws {
    try await withScene { actor, server, scene in
      let outcomes = Box<[SettleOutcome]>([])
      let deleting = actor.spawn { outcomes.value = await scene.held.delete(scene.jobs) }
      try await actor.waitUntil("they are asked for") { scene.believed.connection?.isAwaiting == true }
      scene.believed.close()
      try await actor.waitUntil("the server is asked") { server.commands[0].connection?.isAwaiting == true }
      try scene.comesToHolder(scene.jobs[0])
      try await actor.waitUntil("the first is asked for again") { scene.holder.connection?.isAwaiting == true }
      try scene.comesToHolder(scene.jobs[1])
      await deleting.value
      #expect(outcomes.value == [.done, .failed("taken again meanwhile")])
      #expect(await scene.held.delete([scene.jobs[1]]) == [.done])
      #expect(scene.held.count == 0)
    }
  }
}
