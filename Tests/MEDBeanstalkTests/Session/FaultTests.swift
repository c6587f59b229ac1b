import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 Connections that break", .showsServerOutput)
struct FaultTests {
  private let orders = TubeName("orders") ?? .standard

  private var quick: BeanstalkConfiguration {
    var configuration = BeanstalkConfiguration()
    configuration.backoff = .milliseconds(2)...Duration.milliseconds(20)
    configuration.takeConnections = 1
    return configuration
  }

  /// Cuts the session's connections after each number of bytes in turn, as long as `exchange` gets cut.
  private func cutEverywhere(
    _ direction: Direction,
    _ exchange: @Sendable (isolated LoopActor, BeanstalkServer, BeanstalkdServer) async throws -> Void
  ) async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    try await withSession(proxy.address, quick) { actor, server in
      for count in 1...400 {
        try await actor.waitUntil("connected") { server.isFullyConnected }
        let before = proxy.connections
        let rule = proxy.add(.cut(after: count, direction))
        try await exchange(actor, server, beanstalkd)
        proxy.remove(rule)
        // Not cut any more: the exchange is shorter than that.
        if proxy.connections == before, server.isFullyConnected { return }
      }
      Issue.record("the exchange never ended")
    }
  }

  @Test func `one connection that reaches the server again brings back all others at once`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(binlog: true)
    var configuration = quick
    configuration.backoff = .seconds(3_600)...Duration.seconds(3_600)
    try await withSession(beanstalkd.address, configuration) { actor, server in
      try await beanstalkd.crash()
      try await actor.waitUntil("all have noticed") {
        !server.isReachable && server.takes.upCount == 0 && !server.looks.isUp
      }
      try await beanstalkd.start()
      let listener = server.listen(to: orders)
      try await actor.waitUntil("all are back") { server.isFullyConnected }
      listener.stop()
    }
  }

  @Test(arguments: [Direction.toClient, .toServer])
  func `a take that is cut anywhere leaves nothing buried that wasn't handed over`(_ direction: Direction) async throws
  {
    try await cutEverywhere(direction) { actor, server, beanstalkd in
      let witness = try beanstalkd.client()
      for number in 0..<3 { try witness.put("\(number)", into: "orders") }
      let taken = await server.take(3, from: orders)
      try await actor.waitUntil("the rest is ready again") {
        try witness.jobs() == JobTotals(ready: 3 - taken.jobs.count, buried: taken.jobs.count)
      }
      try witness.deleteAll(in: "orders")
    }
  }

  @Test(arguments: [Direction.toClient, .toServer])
  func `a put that is cut anywhere is stored if it says so, and isn't if it says so`(_ direction: Direction)
    async throws
  {
    try await cutEverywhere(direction) { actor, server, beanstalkd in
      let outcomes = await server.put((0..<3).map { Put(tube: orders, body: bytes("\($0)")) })
      let witness = try beanstalkd.client()
      var unanswered = 0
      for (index, outcome) in outcomes.enumerated() {
        switch outcome {
        case .stored(let id): #expect(try witness.peek(id) == bytes("\(index)"))
        case .unanswered: unanswered += 1
        case .unavailable: break
        default: Issue.record("\(outcome)")
        }
      }
      let stored = outcomes.stored.count
      #expect((stored...stored + unanswered).contains(try witness.jobs().ready))
      try witness.deleteAll(in: "orders")
    }
  }

  @Test(arguments: [Direction.toClient, .toServer])
  func `a delete that is cut anywhere is done if it says so, and can be tried again`(_ direction: Direction)
    async throws
  {
    try await cutEverywhere(direction) { actor, server, beanstalkd in
      let witness = try beanstalkd.client()
      for number in 0..<3 { try witness.put("\(number)", into: "orders") }
      var jobs: [Job] = []
      try await actor.waitUntil("taken") {
        jobs += await server.take(3 - jobs.count, from: orders).jobs
        return jobs.count == 3
      }
      let outcomes = await server.delete(jobs)
      for (job, outcome) in zip(jobs, outcomes) where outcome == .done {
        #expect(try witness.peek(job.id.number) == nil)
      }
      try await actor.waitUntil("all are deleted in the end") {
        await server.delete(jobs).allSatisfy { $0 == .done || $0 == .notFound }
      }
      try #expect(witness.jobs() == JobTotals())
    }
  }

  @Test func `a server that doesn't answer any more costs the reply time-out, and no more`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    var configuration = quick
    configuration.replyTimeout = .milliseconds(150)
    try await withSession(proxy.address, configuration) { actor, server in
      #expect(await server.put([Put(tube: orders, body: [1])]).stored.count == 1)
      let job = try #require(await server.take(1, from: orders).jobs.first)
      proxy.pause()
      #expect(await server.put([Put(tube: orders, body: [2])]) == [.unanswered])
      #expect(!server.isReachable)
      #expect(server.health.latestError?.code == .timedOut)
      #expect(await server.put([Put(tube: orders, body: [3])]) == [.unavailable])
      let taken = await server.take(1, from: orders)
      #expect(taken.jobs.isEmpty)
      #expect(taken.failure != nil)
      let outcome = try #require(await server.delete([job]).first)
      guard case .failed = outcome else { throw Missing(description: "failed, not \(outcome)") }
      proxy.resume()
      try await actor.waitUntil("reachable") { server.isReachable }
      #expect(await server.delete([job]) == [.done])
    }
  }

  @Test func `a blocked reserve has no time-out`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    var configuration = quick
    configuration.replyTimeout = .milliseconds(50)
    let proxy = try FaultProxy(to: beanstalkd)
    try await withSession(proxy.address, configuration) { actor, server in
      let listener = server.listen(to: orders)
      try await eventually("waiting") { try beanstalkd.client().stats(tube: "orders")?["current-waiting"] == "1" }
      let before = proxy.connections
      try await actor.loop.sleep(for: .milliseconds(300))  // why: nothing is to happen meanwhile
      try beanstalkd.client().put("one", into: "orders")
      #expect(await listener.next()?.count == 1)
      #expect(proxy.connections == before)
    }
  }

  @Test func `reachability is told at each change`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address, quick, waitForConnection: false) { actor, server in
      let changes = Box<[Bool]>([])
      server.onReachabilityChange = { changes.value.append($0.isReachable) }
      try await actor.waitUntil("reached") { server.isReachable }
      try await beanstalkd.crash()
      try await actor.waitUntil("lost") { !server.isReachable }
      #expect(await server.put([Put(tube: orders, body: [1])]) == [.unavailable])
      try await beanstalkd.start()
      try await actor.waitUntil("reached again") { server.isReachable }
      #expect(changes.value == [true, false, true])
      #expect(await server.put([Put(tube: orders, body: [1])]).stored.count == 1)
    }
  }

  @Test func `a put right after the opening waits for the first connection`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    var configuration = BeanstalkConfiguration()
    configuration.firstConnectPatience = .seconds(10)
    try await withSession(beanstalkd.address, configuration, waitForConnection: false) { actor, server in
      #expect(!server.isReachable)
      #expect(await server.put([Put(tube: orders, body: [1])]) == [.stored(1)])
    }
  }

  @Test func `a put to a server that isn't there is told as soon as that is known`() async throws {
    let port = try FreePort.next()
    var configuration = BeanstalkConfiguration()
    // Far longer than any test may take.
    configuration.firstConnectPatience = .seconds(3600)
    try await withSession("127.0.0.1:\(port)", configuration, waitForConnection: false) { actor, server in
      #expect(await server.put([Put(tube: orders, body: [1])]) == [.unavailable])
      #expect(server.health.latestError?.code == .unreachable)
      await #expect(throws: BeanstalkError.self) { try await server.statistics() }
    }
  }

  @Test func `a host name is resolved, and one that doesn't exist is an error`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession("localhost:\(beanstalkd.port)") { actor, server in
      #expect(await server.put([Put(tube: orders, body: [1])]) == [.stored(1)])
    }
    try await withSession("no-such-host.invalid:1", waitForConnection: false) { actor, server in
      try await actor.waitUntil("unresolved") { server.health.latestError?.code == .unresolved }
      #expect(await server.put([Put(tube: orders, body: [1])]) == [.unavailable])
    }
  }

  @Test func `a pipeline deeper than all socket buffers doesn't lock up`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let body = [UInt8](repeating: 120, count: 20_000)
    try await withSession(beanstalkd.address) { actor, server in
      let count = 2_000
      let puts = (0..<count).map { _ in Put(tube: orders, body: body) }
      #expect(await server.put(puts).stored.count == count)
      // 40 MB of answers to one write.
      let taken = await server.take(count, from: orders)
      #expect(taken.jobs.count == count)
      #expect(taken.jobs.allSatisfy { $0.body == body })
      #expect(await server.delete(taken.jobs).allSatisfy { $0 == .done })
    }
  }

  @Test func `jobs of a server that dies and comes back under load are neither lost nor mixed up`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(binlog: true)
    let main = try tube("main")
    let channel = try tube("channel")
    let total = 2_000
    try await withSession(beanstalkd.address, quick) { actor, server in
      let puts = (0..<total).map { Put(tube: main, body: bytes("\($0)")) }
      #expect(await server.put(puts).stored.count == total)
      let listener = server.listen(to: main)
      let crasher = Task {
        // Not a third time: from its third binlog file on beanstalkd moves jobs out of the first, and removes that one
        // before the last job is in its new place. Killed between the two, it has lost that job.
        for _ in 0..<2 {
          try await Task.sleep(for: .milliseconds(60))  // why: let it work for a while
          try await beanstalkd.crash()
          try await beanstalkd.start()
        }
      }
      var done = 0
      let mover = actor.spawn {
        while let batch = await listener.next() {
          var copies = batch.map { Put(tube: channel, body: $0.body) }
          while !copies.isEmpty {
            let outcomes = await server.put(copies)
            copies = zip(copies, outcomes).compactMap { if case .stored = $1 { nil } else { $0 } }
            if !copies.isEmpty { try? await actor.loop.sleep(for: .milliseconds(5)) }  // why: a retry's pause
          }
          var rest = batch
          while !rest.isEmpty {
            let outcomes = await server.delete(rest)
            rest = zip(rest, outcomes).compactMap { if case .failed = $1 { $0 } else { nil } }
            if !rest.isEmpty { try? await actor.loop.sleep(for: .milliseconds(5)) }  // why: a retry's pause
          }
          done += batch.count
        }
      }
      try await crasher.value
      try await actor.waitUntil("all are moved", within: .seconds(30)) {
        guard let statistics = try? await server.statistics(of: main) else { return false }
        return statistics.ready + statistics.buried + statistics.reserved == 0
      }
      listener.stop()
      await mover.value
      let jobs = try beanstalkd.everyJob()
      #expect(jobs.allSatisfy { $0.tube == "channel" })
      let seen = Set(jobs.map(\.body))
      let missing = (0..<total).filter { !seen.contains(bytes("\($0)")) }
      #expect(missing == [])
      #expect(seen.count == total)
      #expect(done >= total)
    }
  }
}

extension PlainBeanstalk {
  func deleteAll(in tube: String) throws {
    try kick(1000, in: tube)
    while let job = try reserve(from: tube) { try delete(job.id) }
  }
}
