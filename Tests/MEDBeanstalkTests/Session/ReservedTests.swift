import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 InFlightState = \"reserved\"", .showsServerOutput)
struct ReservedTests {
  private let orders = TubeName("orders") ?? .standard
  private let main = TubeName("main") ?? .standard

  private var reserving: BeanstalkConfiguration {
    var configuration = quickReconnects
    configuration.inFlightState = .reserved
    return configuration
  }

  @Test func `what is taken stays reserved until it is deleted`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<5 { try beanstalkd.client().put("\(number)", into: "orders") }
    try await withSession(beanstalkd.address, reserving) { actor, server in
      let first = await server.take(3, from: orders)
      #expect(first.jobs.map(\.body) == ["0", "1", "2"].map(bytes) && !first.ranDry)
      let rest = await server.take(3, from: orders)
      #expect(rest.jobs.count == 2 && rest.ranDry)
      let witness = try beanstalkd.client()
      #expect(try witness.stats()["current-jobs-reserved"] == "5")
      #expect(await server.delete(first.jobs + rest.jobs) == Array(repeating: .done, count: 5))
      #expect(await server.delete(first.jobs) == Array(repeating: .notFound, count: 3))
      #expect(try witness.stats()["cmd-bury"] == "0")
      #expect(try witness.jobs() == JobTotals())
    }
  }

  @Test func `a job that is given back keeps its priority, and is a new one when it comes again`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address, reserving) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("mine"), priority: 7)]).stored.count == 1)
      for _ in 0..<3 {
        let job = try #require(await server.take(1, from: orders).jobs.first)
        #expect(await server.kick([job]) == [.done])
        let found = try #require(try beanstalkd.client().stats(job: job.id.number))
        #expect(found["state"] == "ready" && found["pri"] == "7")
      }
    }
  }

  @Test func `jobs are touched for as long as they are held, also with the shortest time to run`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address, reserving) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("short"), timeToRun: 1)]).stored.count == 1)
      #expect(await server.put([Put(tube: main, body: bytes("as short"), timeToRun: 1)]).stored.count == 1)
      let job = try #require(await server.take(1, from: orders).jobs.first)
      let listener = server.listen(to: main)
      let other = try #require(await listener.next()?.first)
      let witness = try beanstalkd.client()
      for job in [job, other] {
        try await actor.waitUntil("it is held three times as long") {
          guard let found = try witness.stats(job: job.id.number) else { return false }
          #expect(found["state"] == "reserved" && found["timeouts"] == "0")
          return (found["age"].flatMap { Int($0) } ?? 0) >= 4
        }
      }
      #expect(await server.delete([job, other]) == [.done, .done])
      try #expect(beanstalkd.jobs() == JobTotals())
    }
  }

  @Test func `a job whose touches don't arrive goes to somebody else, and our delete leaves it alone`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    proxy.add(
      .custom(.toServer) { piece in
        let text = String(decoding: piece, as: UTF8.self)
        return .replace(Array(text.replacing("touch ", with: "stats-job ").utf8))
      })
    try await withSession(proxy.address, reserving) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("mine"), timeToRun: 4)]).stored.count == 1)
      let job = try #require(await server.take(1, from: orders).jobs.first)
      let witness = try beanstalkd.client()
      // Not in one wait, which would hold up the loop: a connection that holds a job and says nothing may have dropped out
      // of the server's clock, and then its job's time never ends.
      var taken: UInt64?
      try await actor.waitUntil("its time is over") {
        taken = try witness.reserve(from: "orders")?.id
        return taken != nil
      }
      let theirs = try #require(taken)
      #expect(theirs == job.id.number)
      #expect(await server.delete([job]) == [.notFound])
      #expect(await server.kick([job]) == [.done])
      #expect(try witness.release(theirs))
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
    }
  }

  @Test func `a job that its connection has lost is taken again without being handed over twice`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    try await withSession(proxy.address, reserving) { actor, server in
      for number in 0..<20 { try beanstalkd.client().put("\(number)", into: "orders") }
      let jobs = await server.take(10, from: orders).jobs
      #expect(jobs.count == 10)
      proxy.cutAll()
      try await eventually("the server has them all") { try beanstalkd.jobs() == JobTotals(ready: 20) }
      var again: [Job] = []
      try await actor.waitUntil("all are taken") {
        again += await server.take(10, from: orders).jobs
        return try beanstalkd.jobs() == JobTotals(reserved: 20)
      }
      #expect(again.map { String(decoding: $0.body, as: UTF8.self) } == (10..<20).map { "\($0)" })
      #expect(try beanstalkd.client().stats()["current-jobs-reserved"] == "20")
      #expect(await server.delete(jobs + again).allSatisfy { $0 == .done })
      try #expect(beanstalkd.jobs() == JobTotals())
    }
  }

  @Test func `a job that its connection has lost is deleted where it waits`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    try await withSession(proxy.address, reserving) { actor, server in
      for number in 0..<2 { try beanstalkd.client().put("\(number)", into: "orders") }
      let jobs = await server.take(2, from: orders).jobs
      proxy.cutAll()
      try await eventually("the server has them") { try beanstalkd.jobs() == JobTotals(ready: 2) }
      // Connecting anew takes a moment.
      try await actor.waitUntil("it is deleted") { await server.delete([jobs[0]]) == [.done] }
      #expect(await server.kick([jobs[1]]) == [.done])
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
    }
  }

  @Test(arguments: [false, true])
  func `after a restart of the server a job is looked at before it is deleted`(binlog: Bool) async throws {
    let beanstalkd = try await BeanstalkdServer.start(binlog: binlog, extraArguments: binlog ? ["-f", "0"] : [])
    try await withSession(beanstalkd.address, reserving) { actor, server in
      #expect(await server.put([Put(tube: orders, body: bytes("mine"))]).stored == [1])
      let job = try #require(await server.take(1, from: orders).jobs.first)
      try await beanstalkd.stop()
      try await actor.waitUntil("the end was noticed") { !server.isFullyConnected && !server.isReachable }
      try await beanstalkd.start()
      try await actor.waitUntil("connected again") { server.isFullyConnected }
      if !binlog { #expect(try beanstalkd.client().put("a stranger's", into: "orders") == 1) }
      #expect(await server.delete([job]) == [.done])
      try #expect(beanstalkd.jobs() == JobTotals(ready: binlog ? 0 : 1))
    }
  }

  @Test func `a listener doesn't wait in a reserve while it holds a job, and finds the next one all the same`()
    async throws
  {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address, reserving) { actor, server in
      let witness = try beanstalkd.client()
      let listener = server.listen(to: main)
      try await eventually("it waits") { try witness.stats(tube: "main")?["current-waiting"] == "1" }
      try witness.put("one", into: "main")
      let one = try #require(await listener.next()?.first)
      let next = Box<[Job]?>(nil)
      let waiting = actor.spawn { next.value = await listener.next() }
      try await actor.loop.sleep(for: .milliseconds(300))  // why: several polls must have passed it by
      #expect(try witness.stats(tube: "main")?["current-waiting"] == "0")
      try witness.put("two", into: "main")
      await waiting.value
      let two = try #require(next.value?.first)
      #expect(await server.delete([one, two]) == [.done, .done])
      try await eventually("it waits again") { try witness.stats(tube: "main")?["current-waiting"] == "1" }
    }
  }

  @Test func `a listener's connection stays until what it holds is settled`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<3 { try beanstalkd.client().put("\(number)", into: "main") }
    try await withSession(beanstalkd.address, reserving) { actor, server in
      let witness = try beanstalkd.client()
      let listener = server.listen(to: main)
      var jobs = try #require(await listener.next())
      listener.stop()
      while let more = await listener.next() { jobs += more }
      let connections = try witness.stats()["current-connections"]
      #expect(try witness.stats()["current-jobs-reserved"] == "\(jobs.count)")
      // A further listener mustn't take its connection away.
      let another = server.listen(to: orders)
      #expect(await server.delete(jobs) == Array(repeating: .done, count: jobs.count))
      try await eventually("the connection is closed") {
        try witness.stats()["current-connections"] == connections && witness.stats()["current-jobs-reserved"] == "0"
      }
      another.stop()
    }
  }

  @Test func `a session that ends gives back at once what it holds`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<50 { try beanstalkd.client().put("\(number)", into: "main") }
    try await withSession(beanstalkd.address, reserving) { actor, server in
      let listener = server.listen(to: main)
      for _ in 0..<3 { #expect(await listener.next() != nil) }
    }
    try await eventually("all is ready") { try beanstalkd.jobs() == JobTotals(ready: 50) }
  }
}
