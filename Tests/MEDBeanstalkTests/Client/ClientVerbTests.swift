import MEDBeanstalk
import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@Suite("The client: shared connections", .showsServerOutput)
struct ClientVerbTests {
  private let orders = TubeName("orders")!

  @Test func `batches have an outcome for each job, in order`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(maxJobSize: 10)
    try await withClient(beanstalkd.address) { client in
      let puts = [
        Put(tube: orders, body: bytes("a"), priority: 3, timeToRun: 7),
        Put(tube: orders, body: Array(repeating: 0, count: 11)),
        Put(tube: TubeName("elsewhere")!, body: bytes("b"), delay: 3600),
      ]
      #expect(await client.put(puts) == [.stored(1), .tooBig, .stored(2)])
      let witness = try beanstalkd.client()
      #expect(try witness.stats(job: 1)?["ttr"] == "7")
      #expect(try witness.stats(job: 2)?["ttr"] == "60")
      #expect(await client.delete(numbers: [1, 99, 2]) == [.done, .notFound, .done])
      #expect(await client.delete(numbers: []).isEmpty)
      try #expect(witness.jobs() == JobTotals())
    }
  }

  @Test func `jobs are looked at without being taken`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      #expect(try await client.peek(1) == nil)
      #expect(try await client.peek(.ready, in: orders) == nil)
      let number = try await client.put(bytes("a"), into: orders, priority: 5, timeToRun: 9)
      _ = try await client.put(bytes("b"), into: orders, delay: 3600)
      #expect(try await client.peek(number)?.body == bytes("a"))
      #expect(try await client.peek(.ready, in: orders)?.number == number)
      #expect(try await client.peek(.delayed, in: orders)?.body == bytes("b"))
      #expect(try await client.peek(.buried, in: orders) == nil)
      #expect(await client.take(1, from: orders).jobs.count == 1)
      #expect(try await client.peek(.buried, in: orders)?.body == bytes("a"))
      let job = try #require(try await client.statistics(ofJob: number))
      #expect(job.state == .buried)
      #expect([job.reserves, job.buries, job.kicks, job.timeouts, job.releases] == [1, 1, 0, 0, 0])
      #expect(job.timeToRun == 9)
      #expect(await client.kick(numbers: [number, 99]) == [.done, .notFound])
      #expect(try await client.kick(10, in: orders) == 1)
      try #expect(beanstalkd.jobs() == JobTotals(ready: 2))
    }
  }

  @Test func `all that the server says can be had, and tubes can be paused`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put([1], into: orders)
      #expect(try await client.allStatistics().number("total-jobs") == 1)
      #expect(try await client.pause(orders, seconds: 60))
      #expect(try await client.allStatistics(of: orders)?.number("pause") == 60)
      #expect(try await client.pause(.init("elsewhere")!, seconds: 60) == false)
      #expect(try await client.allStatistics(of: .init("elsewhere")!) == nil)
    }
  }

  @Test func `a producer has two connections, and those that take come with the first take`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      let witness = try beanstalkd.client()
      #expect(try witness.stats()["current-connections"] == "3")
      _ = try await client.put([1], into: orders)
      #expect(await client.take(1, from: orders).jobs.count == 1)
      try await eventually("both are there") { try witness.stats()["current-connections"] == "5" }
    }
    try await eventually("all are closed") { try beanstalkd.client().stats()["current-connections"] == "1" }
  }

  @Test func `a client that was closed says so, and so do its consumers`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let client = try await BeanstalkClient.connect(to: QueueServerAddress(parsing: beanstalkd.address))
    let consumer = try await client.consumer(of: [orders])
    let connection = try await client.openConnection()
    let waiting = Task { try await consumer.reserve() }
    try await eventually("it waits", within: .seconds(20)) {
      try beanstalkd.client().stats()["current-waiting"] == "1"
    }
    await client.close()
    await expectFailure(.closed) { _ = try await waiting.value }
    await expectFailure(.closed) { _ = try await consumer.reserve() }
    await expectFailure(.closed) { _ = try await client.consumer(of: [orders]) }
    await expectFailure(.closed) { _ = try await connection.tubeInUse() }
    await #expect(throws: BeanstalkError.self) { try await client.put([1], into: orders) }
    #expect(await client.delete(numbers: [1]) == [.failed("not connected")])
    await client.close()
  }

  @Test func `clients may share a loop, which outlives them`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let loop = try EventLoop.start(name: "shared")
    defer { loop.stop() }
    let address = try QueueServerAddress(parsing: beanstalkd.address)
    for round in 0..<3 {
      let first = try await BeanstalkClient.connect(to: address, loop: loop)
      let second = try await BeanstalkClient.connect(to: address, loop: loop)
      _ = try await first.put(bytes("\(round)"), into: orders)
      let consumer = try await second.consumer(of: [orders])
      #expect(try await consumer.withReservation { $0.text } == "\(round)")
      await first.close()
      await second.close()
    }
    try #expect(beanstalkd.jobs() == JobTotals())
  }

  @Test func `a server that comes back is found again, and calls meanwhile fail at once`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(binlog: true)
    try await withClient(beanstalkd.address, quickReconnects) { client in
      let number = try await client.put(bytes("a"), into: orders)
      try await beanstalkd.crash()
      try await eventually("noticed") { await client.health.isReachable == false }
      let error = await #expect(throws: BeanstalkError.self) { try await client.put([1], into: orders) }
      #expect(error?.code == .unreachable)
      await #expect(throws: BeanstalkError.self) { try await client.statistics() }
      try await beanstalkd.start()
      try await eventually("found again", within: .seconds(20)) { try await client.peek(number) != nil }
      // Connections come back one by one.
      try await eventually("it takes puts", within: .seconds(20)) {
        try await client.put(bytes("b"), into: orders) > number
      }
    }
  }

  @Test func `a server that doesn't answer costs the reply time-out`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    var configuration = quickReconnects
    configuration.replyTimeout = .milliseconds(300)
    try await withClient(proxy.address, configuration) { client in
      let connection = try await client.openConnection()
      proxy.pause()
      await #expect(throws: BeanstalkError.self) { try await client.tubes() }
      await expectFailure(.timedOut) { _ = try await connection.tubes() }
      await expectFailure(.timedOut) { _ = try await connection.reserve(timeoutSeconds: 0) }
      proxy.resume()
    }
  }
}
