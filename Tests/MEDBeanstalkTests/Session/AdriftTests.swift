import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 A bury that got no answer", .showsServerOutput)
struct AdriftTests {
  private let orders = TubeName("orders") ?? .standard

  /// A job that another connection has reserved, as our broken one may have.
  private func reservedJob(_ witness: PlainBeanstalk, _ instance: UInt32) throws -> AdriftJob {
    try witness.put("lost", into: "orders")
    let job = try #require(try witness.reserve(from: "orders"))
    return AdriftJob(id: JobID(instance: instance, number: job.id), tube: orders, body: job.body)
  }

  @Test func `a job that the server buries only later is kicked then`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      let witness = try beanstalkd.client()
      let lost = try reservedJob(witness, server.commands[0].instance)
      server.adrift.add([lost])
      try await actor.waitUntil("looked at") { server.adrift.isLookedAt }
      #expect(server.condition.adrift == 1)
      try witness.bury(lost.id.number)
      try await actor.waitUntil("kicked") { server.adrift.isEmpty }
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
    }
  }

  @Test func `a job that we have got hold of again is left alone`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      let witness = try beanstalkd.client()
      let lost = try reservedJob(witness, server.commands[0].instance)
      server.adrift.add([lost])
      try await actor.waitUntil("looked at") { server.adrift.isLookedAt }
      try witness.release(lost.id.number)
      #expect(await server.take(1, from: orders).jobs.map(\.id) == [lost.id])
      #expect(server.adrift.isEmpty)
      try #expect(beanstalkd.jobs() == JobTotals(buried: 1))
    }
  }

  @Test func `a job that we have reserved again isn't kicked while its BURIED is on its way`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    try await withSession(proxy.address) { actor, server in
      let witness = try beanstalkd.client()
      let lost = try reservedJob(witness, server.commands[0].instance)
      server.adrift.add([lost])
      try await actor.waitUntil("looked at") { server.adrift.isLookedAt }
      proxy.add(.delay(.milliseconds(500), .toClient))
      try witness.release(lost.id.number)
      let taken = Box<[Job]>([])
      let taking = actor.spawn { taken.value = await server.take(1, from: orders).jobs }
      try await actor.waitUntil("buried, and we don't know it yet") { try witness.jobs().buried == 1 }
      server.adrift.settle()
      await taking.value
      #expect(taken.value.map(\.id) == [lost.id])
      try await actor.waitUntil("settled") { server.adrift.isEmpty && server.commands[0].isIdle }
      try #expect(witness.jobs() == JobTotals(buried: 1))
      #expect(await server.delete(taken.value) == [.done])
    }
  }

  @Test func `a job that stays reserved is looked at 90 times, then left to the server`() async throws {
    #expect(AdriftJobs.maximumLooks == 90)
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      let witness = try beanstalkd.client()
      let lost = try reservedJob(witness, server.commands[0].instance)
      let adrift = AdriftJobs(server.endpoint, server: server, maximumLooks: 5, pause: .milliseconds(1))
      let before = try #require(try witness.stats()["cmd-peek"].flatMap { Int($0) })
      adrift.add([lost])
      try await actor.waitUntil("left alone") { adrift.isEmpty }
      let after = try #require(try witness.stats()["cmd-peek"].flatMap { Int($0) })
      #expect(after - before == 5)
      try #expect(witness.jobs() == JobTotals(reserved: 1))
    }
  }

  @Test func `with 10,000 jobs adrift nothing is taken or put, until some are settled; none is forgotten`() async throws
  {
    #expect(BeanstalkConfiguration().maximumAdrift == 10_000)
    let beanstalkd = try await BeanstalkdServer.start()
    var configuration = BeanstalkConfiguration()
    configuration.maximumAdrift = 3
    try await withSession(beanstalkd.address, configuration) { actor, server in
      let witness = try beanstalkd.client()
      let instance = server.commands[0].instance
      let main = try tube("main")
      var lost: [AdriftJob] = []
      for _ in 0..<5 { lost.append(try reservedJob(witness, instance)) }
      server.adrift.add(Array(lost[..<2]))
      #expect(await server.put([Put(tube: main, body: [1])]).stored.count == 1)
      let first = await server.take(1, from: main).jobs
      #expect(first.count == 1)

      server.adrift.add(Array(lost[2...]))
      #expect(server.condition.adrift == 5)
      #expect(await server.put([Put(tube: main, body: [2])]) == [.unavailable])
      try witness.put("two", into: "main")
      let second = await server.take(1, from: main)
      #expect(second.jobs.isEmpty && second.failure != nil)
      let batch = Box<[Job]?>(nil)
      let listener = server.listen(to: main)
      let listening = actor.spawn { batch.value = await listener.next() }
      #expect(await server.delete(first) == [.done], "what is in hand is settled all the same")
      try await actor.waitUntil("all are looked at") { server.adrift.isLookedAt }
      try #expect(witness.stats(tube: "main")?["current-jobs-ready"] == "1", "not taken by the listener either")

      for job in lost { try witness.bury(job.id.number) }
      try await actor.waitUntil("settled", within: .seconds(20)) { server.adrift.isEmpty }
      await listening.value
      #expect(batch.value?.map(\.body) == [bytes("two")])
      try #expect(witness.jobs() == JobTotals(ready: 5, buried: 1))
    }
  }

  @Test func `a stranger with its number is left alone`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      let witness = try beanstalkd.client()
      let id = try witness.put("a stranger's", into: "orders")
      _ = try #require(try witness.reserve(from: "orders"))
      try witness.bury(id)
      let old = JobID(instance: server.commands[0].instance + 1, number: id)
      server.adrift.add([AdriftJob(id: old, tube: orders, body: bytes("lost"))])
      try await actor.waitUntil("forgotten") { server.adrift.isEmpty }
      try #expect(beanstalkd.jobs() == JobTotals(buried: 1))
    }
  }

  @Test func `a job that is gone, or ready, is forgotten`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      let id = try beanstalkd.client().put("lost", into: "orders")
      let instance = server.commands[0].instance
      server.adrift.add(
        [id, id + 1].map {
          AdriftJob(id: JobID(instance: instance, number: $0), tube: orders, body: bytes("lost"))
        })
      try await actor.waitUntil("forgotten") { server.adrift.isEmpty }
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
    }
  }
}

@Suite("§17 QueueServerPoolCmdConnCount", .showsServerOutput)
struct SeveralConnectionsTests {
  @Test func `several command and take connections share the work`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    var configuration = BeanstalkConfiguration()
    configuration.commandConnections = 3
    configuration.takeConnections = 4
    let tubes = try (0..<8).map { try tube("t\($0)") }
    try await withSession(beanstalkd.address, configuration) { actor, server in
      #expect(server.condition.commandConnectionsUp == 3)
      #expect(server.condition.takeConnectionsUp == 4)
      let taken = Box<Set<[UInt8]>>([])
      let workers = tubes.enumerated().map { index, tube in
        actor.spawn {
          server.hold(tube)
          for round in 0..<20 {
            let puts = (0..<10).map { Put(tube: tube, body: bytes("\(index) \(round) \($0)")) }
            #expect(await server.put(puts).stored.count == 10)
            let jobs = await server.take(10, from: tube).jobs
            #expect(jobs.count == 10)
            taken.value.formUnion(jobs.map(\.body))
            #expect(await server.delete(jobs).allSatisfy { $0 == .done })
          }
          server.release(tube)
        }
      }
      for worker in workers { await worker.value }
      #expect(taken.value.count == 1600)
      try #expect(beanstalkd.jobs() == JobTotals())
    }
  }

  @Test func `a session that is let go of without a close ends its connections`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let loop = try EventLoop.start()
    defer { loop.stop() }
    let queue = try BeanstalkQueue(servers: [beanstalkd.address])
    try await LoopActor(loop: loop).run { actor in
      let server = queue.connect(on: actor)[0]
      let listener = server.listen(to: try tube("main"))
      try await actor.waitUntil("connected") { server.isFullyConnected }
      listener.stop()
    }
    try await eventually("the witness is alone") { try beanstalkd.client().stats()["current-connections"] == "1" }
  }
}
