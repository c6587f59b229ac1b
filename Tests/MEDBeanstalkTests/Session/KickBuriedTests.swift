import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§13 Buried jobs are kicked, and only those", .showsServerOutput)
struct KickBuriedTests {
  /// `buried` and `delayed` jobs in the tube `orders`.
  private func fill(_ server: BeanstalkdServer, buried: Int, delayed: Int) throws {
    let witness = try server.client()
    for number in 0..<buried {
      try witness.put("buried \(number)", into: "orders")
      let job = try #require(try witness.reserve(from: "orders"))
      try witness.bury(job.id)
    }
    for number in 0..<delayed { try witness.put("delayed \(number)", into: "orders", delay: 3600) }
  }

  private func client(_ server: BeanstalkdServer) async throws -> BeanstalkClient {
    try await BeanstalkClient.connect(to: QueueServerAddress(parsing: server.address))
  }

  @Test func `all buried jobs become ready, and delayed ones stay`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try fill(beanstalkd, buried: 20, delayed: 5)
    let client = try await client(beanstalkd)
    let orders = try tube("orders")
    #expect(try await client.kickBuried(in: orders) == 20)
    try #expect(beanstalkd.jobs() == JobTotals(ready: 20, delayed: 5))
    #expect(try await client.kickBuried(in: orders) == 0)
    #expect(try await client.kickBuried(in: tube("nowhere")) == 0)
    try #expect(beanstalkd.jobs() == JobTotals(ready: 20, delayed: 5))
    #expect(try await client.tubes().contains("nowhere") == false)
    await client.close()
  }

  @Test func `several that kick at the same time, and a worker that deletes, wake no delayed job`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let orders = try tube("orders")
    let clients = [try await client(beanstalkd), try await client(beanstalkd), try await client(beanstalkd)]
    for round in 0..<5 {
      try fill(beanstalkd, buried: 40, delayed: 10)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for client in clients { group.addTask { try await client.kickBuried(in: orders) } }
        group.addTask {
          let taken = await clients[0].take(10, from: orders)
          return await clients[0].delete(taken.jobs).count - taken.jobs.count
        }
        try await group.waitForAll()
      }
      let jobs = try beanstalkd.jobs()
      #expect(jobs.delayed == 10 * (round + 1))
      #expect(jobs.buried == 0)
      _ = await clients[0].delete(await clients[0].take(1000, from: orders).jobs)
    }
    for client in clients { await client.close() }
  }

  @Test func `several that kick many in batches at the same time wake no delayed job`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let orders = try tube("orders")
    try fill(beanstalkd, buried: 2000, delayed: 50)
    let kicked = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<3 {
        let client = try await client(beanstalkd)
        group.addTask { try await client.kickBuried(in: orders) }
      }
      return try await group.reduce(0, +)
    }
    #expect(kicked == 2000)
    try #expect(beanstalkd.jobs() == JobTotals(ready: 2000, delayed: 50))
  }

  @Test(arguments: [0, 5])
  func `no more than the limit is kicked`(delayed: Int) async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try fill(beanstalkd, buried: 300, delayed: delayed)
    let client = try await client(beanstalkd)
    #expect(try await client.kickBuried(in: tube("orders"), atMost: 170) == 170)
    try #expect(beanstalkd.jobs() == JobTotals(ready: 170, delayed: delayed, buried: 130))
    #expect(try await client.kickBuried(in: tube("orders"), atMost: 0) == 0)
    await client.close()
  }

  @Test func `it is asked before each batch, with what the tube is then`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try fill(beanstalkd, buried: 300, delayed: 0)
    let client = try await client(beanstalkd)
    let seen = MEDTestSupport.Locked<[Int]>([])
    let kicked = try await client.kickBuried(in: tube("orders")) { tube in
      seen.withLock { $0.append(tube.buried) }
      return tube.buried == 300
    }
    #expect(kicked == 100)
    #expect(seen.withLock { $0 } == [300, 200])
    await client.close()
  }

  @Test func `it ends although jobs keep being buried, and when it is told to`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try fill(beanstalkd, buried: 10, delayed: 1)
    let client = try await client(beanstalkd)
    let orders = try tube("orders")
    let witness = MEDTestSupport.Locked(0)
    let kicked = try await client.kickBuried(
      in: orders,
      progress: { done in
        witness.withLock { $0 = done }
        return done < 4
      })
    #expect(kicked == 4)
    #expect(witness.withLock { $0 } == 4)
    let worker = Task {
      while !Task.isCancelled { _ = await client.take(1, from: orders) }
    }
    defer { worker.cancel() }
    #expect(try await client.kickBuried(in: orders) >= 6)
    worker.cancel()
    await worker.value
    await client.close()
  }

  @Test func `a tube is cleaned of all that lay in it`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try fill(beanstalkd, buried: 7, delayed: 5)
    let witness = try beanstalkd.client()
    for number in 0..<9 { try witness.put("\(number)", into: "orders") }
    try witness.put("another", into: "elsewhere")
    let client = try await client(beanstalkd)
    #expect(try await client.clean(tube("orders")) == 21)
    try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
    await client.close()
  }
}

@Suite("The client", .showsServerOutput)
struct ClientTests {
  @Test func `it puts, takes, looks and deletes from any task`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let client = try await BeanstalkClient.connect(to: QueueServerAddress(parsing: beanstalkd.address))
    let orders = try tube("orders")
    let ids = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for number in 0..<100 { group.addTask { try await client.put(bytes("\(number)"), into: orders) } }
      return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
    }
    #expect(ids.count == 100)
    #expect(try await client.statistics().ready == 100)
    #expect(try await client.statistics(of: orders)?.ready == 100)
    #expect(try await client.statistics(ofJob: 1)?.tube == "orders")
    let taken = await client.take(200, from: orders)
    #expect(Set(taken.jobs.map(\.id.number)) == ids)
    #expect(await client.kick(taken.jobs).allSatisfy { $0 == .done })
    #expect(await client.delete(taken.jobs).allSatisfy { $0 == .done })
    await client.close()
    await #expect(throws: BeanstalkError.self) { try await client.put([1], into: orders) }
  }

  @Test func `a server that isn't there is an error`() async throws {
    let port = try FreePort.next()
    let error = await #expect(throws: BeanstalkError.self) {
      try await BeanstalkClient.connect(
        to: QueueServerAddress(host: "127.0.0.1", port: port), patience: .milliseconds(100))
    }
    #expect(error?.code == .unreachable)
    #expect(error?.disposition == .retry)
  }
}

@Suite("§4 What is looked at", .showsServerOutput)
struct LookTests {
  @Test func `thousands of tubes are listed`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let tubes = try (0..<3000).map {
      try tube("orders/sub-queue/\($0)/with-a-rather-long-name-to-fill-more-than-one-read")
    }
    try await withSession(beanstalkd.address) { actor, server in
      #expect(await server.put(tubes.map { Put(tube: $0, body: []) }).stored.count == 3000)
      let listed = try await server.tubes()
      #expect(Set(listed) == Set(tubes.map(\.description) + ["default"]))
    }
  }

  @Test func `the time until the next delayed job is ready is known, rounded up`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let retry = try tube("orders/sub-queue/1/FAIL")
    try await withSession(beanstalkd.address) { actor, server in
      #expect(try await server.timeUntilNextDelayed(in: retry) == nil)
      try #expect(beanstalkd.client().listTubes() == ["default"])
      _ = await server.put([Put(tube: retry, body: [], delay: 500), Put(tube: retry, body: [], delay: 20)])
      let time = try #require(await server.timeUntilNextDelayed(in: retry))
      #expect(time > .seconds(15))
      #expect(time <= .seconds(20))
      #expect(try await server.statistics(of: retry)?.delayed == 2)
    }
  }
}
