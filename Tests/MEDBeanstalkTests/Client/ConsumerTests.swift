import MEDBeanstalk
import MEDCore
import MEDTestSupport
import Testing

@Suite("The client: reservations", .showsServerOutput)
struct ConsumerTests {
  private let orders = TubeName("orders")!

  private func waits(_ server: BeanstalkdServer, _ count: Int = 1) async throws {
    try await eventually("somebody waits for a job", within: .seconds(20)) {
      try server.client().stats()["current-waiting"] == "\(count)"
    }
  }

  @Test func `a reserve that waits holds up nothing else of the client`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      let consumer = try await client.consumer(of: [orders])
      let waiting = Task { try await consumer.one() }
      try await waits(beanstalkd)
      #expect(try await client.tubes().contains("orders"))
      let number = try await client.put(bytes("a"), into: orders)
      let job = try await waiting.value
      #expect(job.number == number)
      #expect(job.text == "a")
      #expect(await consumer.heldCount == 1)
      #expect(try await job.delete())
      #expect(job.isSettled)
      #expect(try await job.delete() == false)
      #expect(await consumer.heldCount == 0)
      try #expect(beanstalkd.jobs() == JobTotals())
    }
  }

  @Test func `only the tubes that were named are watched`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put(bytes("no"), into: .init("default")!)
      let consumer = try await client.consumer(of: [orders, .init("elsewhere")!])
      #expect(consumer.tubes.map(\.description) == ["orders", "elsewhere"])
      guard case .timedOut = try await consumer.reserve(within: .milliseconds(300)) else {
        return #expect(Bool(false), "nothing is there")
      }
      _ = try await client.put(bytes("b"), into: .init("elsewhere")!)
      #expect(try await consumer.one().text == "b")
      let error = await #expect(throws: BeanstalkError.self) { try await client.consumer(of: []) }
      #expect(error?.disposition == .fatal)
    }
  }

  @Test func `what is released or buried keeps its priority unless another is named`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      for priority: UInt32 in [1, 2, 3, 4] { _ = try await client.put([], into: orders, priority: priority) }
      let consumer = try await client.consumer(of: [orders])
      guard case .reserved(let jobs) = try await consumer.reserve(upTo: 10, within: .seconds(20)) else { return }
      #expect(jobs.map(\.number) == [1, 2, 3, 4])
      #expect(try await jobs[0].release())
      #expect(try await jobs[1].bury())
      #expect(try await jobs[2].release(priority: 30, delay: 3600))
      #expect(try await jobs[3].bury(priority: 40))
      let witness = try beanstalkd.client()
      #expect(try (1...4).map { try witness.stats(job: $0)?["pri"] } == ["1", "2", "30", "40"])
      try #expect(witness.jobs() == JobTotals(ready: 1, delayed: 1, buried: 2))
      #expect(try await jobs[0].touch() == false)
    }
  }

  @Test func `a batch takes what is there`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = await client.put((0..<7).map { Put(tube: orders, body: bytes("\($0)")) })
      let consumer = try await client.consumer(of: [orders])
      guard case .reserved(let jobs) = try await consumer.reserve(upTo: 10, within: .seconds(20)) else { return }
      #expect(jobs.map(\.text) == (0..<7).map { "\($0)" })
      for job in jobs { #expect(try await job.touch()) }
      for job in jobs { #expect(try await job.delete()) }
    }
  }

  @Test func `a job can be reserved by its number, from whatever state`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      let number = try await client.put(bytes("later"), into: .init("elsewhere")!, delay: 3600)
      let consumer = try await client.consumer(of: [orders])
      let job = try #require(try await consumer.reserve(job: number))
      #expect(job.text == "later")
      #expect(try await consumer.reserve(job: number) == nil)
      #expect(try await job.delete())
    }
  }

  @Test func `the scope deletes a job, or releases it when its body throws`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      let consumer = try await client.consumer(of: [orders])
      try await eventually("connected", within: .seconds(20)) { await consumer.isConnected }
      #expect(try await consumer.withReservation(within: .zero) { $0.number } == nil)
      _ = try await client.put(bytes("a"), into: orders, priority: 9)
      await #expect(throws: Missing.self) {
        try await consumer.withReservation { _ in throw Missing(description: "on purpose") }
      }
      try #expect(beanstalkd.client().stats(job: 1)?["pri"] == "9")
      #expect(try await consumer.withReservation { $0.text } == "a")
      try #expect(beanstalkd.jobs() == JobTotals())
      _ = try await client.put(bytes("b"), into: orders)
      #expect(try await consumer.withReservation { try await $0.bury() } == true)
      try #expect(beanstalkd.jobs() == JobTotals(buried: 1))
    }
  }

  @Test func `while a job is held its delete doesn't wait for a reserve`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put(bytes("a"), into: orders)
      let consumer = try await client.consumer(of: [orders])
      let first = try await consumer.one()
      let second = Task { try await consumer.one() }
      #expect(try await first.delete())
      _ = try await client.put(bytes("b"), into: orders)
      #expect(try await second.value.text == "b")
      // The same while it goes on being held.
      let third = Task { try await consumer.one() }
      _ = try await client.put(bytes("c"), into: orders)
      #expect(try await third.value.text == "c")
    }
  }

  @Test func `reserves that come together are served in turn`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      let consumer = try await client.consumer(of: [orders])
      let texts = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<20 {
          group.addTask {
            let job = try await consumer.one()
            try await job.delete()
            return job.text
          }
        }
        _ = await client.put((0..<20).map { Put(tube: orders, body: bytes("\($0)")) })
        return try await group.reduce(into: Set<String>()) { $0.insert($1) }
      }
      #expect(texts.count == 20)
      try #expect(beanstalkd.jobs() == JobTotals())
    }
  }

  @Test func `no more jobs are held than the bound allows`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = await client.put((0..<5).map { Put(tube: orders, body: bytes("\($0)")) })
      let consumer = try await client.consumer(of: [orders], options: .init(touches: false, maximumReservations: 3))
      guard case .reserved(let jobs) = try await consumer.reserve(upTo: 10, within: .seconds(20)) else { return }
      #expect(jobs.count == 3)
      guard case .timedOut = try await consumer.reserve(within: .milliseconds(100)) else {
        return #expect(Bool(false), "there is no room")
      }
      let fourth = Task { try await consumer.one() }
      #expect(try await jobs[0].delete())
      #expect(try await fourth.value.text == "3")
      #expect(await consumer.heldCount == 3)
    }
  }

  @Test func `DEADLINE_SOON is told while a job is held`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put(bytes("a"), into: orders, timeToRun: 1)
      let consumer = try await client.consumer(of: [orders])
      let job = try await consumer.one()
      // On a slow machine its time may be over by now, and then it comes again.
      switch try await consumer.reserve(within: .seconds(20)) {
      case .deadlineSoon: #expect(await consumer.heldCount == 1)
      case .reserved(let jobs): #expect(jobs.first?.number == job.number)
      case .timedOut: #expect(Bool(false), "one or the other")
      }
    }
  }

  @Test func `jobs are touched in the background for as long as they are held`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put(bytes("a"), into: orders, timeToRun: 3)
      let consumer = try await client.consumer(of: [orders], options: .init(touches: true))
      let job = try await consumer.one()
      let witness = try beanstalkd.client()
      try await eventually("it is touched twice", within: .seconds(30)) {
        try Int(witness.stats()["cmd-touch"] ?? "") ?? 0 >= 2
      }
      try await job.delete()
    }
  }

  @Test func `a reservation that nobody refers to is given back`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = await client.put([1, 2].map { Put(tube: orders, body: [$0], priority: 5) })
      let consumer = try await client.consumer(of: [orders])
      let kept = try await consumer.one()
      _ = try await consumer.one()
      try await eventually("it is ready again") { try beanstalkd.jobs() == JobTotals(ready: 1, reserved: 1) }
      try #expect(beanstalkd.client().stats(job: 2)?["pri"] == "5")
      #expect(try await kept.delete())
    }
  }

  @Test func `what a consumer holds when it is closed or let go of is ready again`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put(bytes("a"), into: orders)
      var consumer: BeanstalkConsumer? = try await client.consumer(of: [orders])
      let job = try await consumer?.one()
      await consumer?.close()
      try await eventually("ready again") { try beanstalkd.jobs() == JobTotals(ready: 1) }
      let error = await #expect(throws: BeanstalkError.self) { try await job?.delete() }
      #expect(error?.code == .closed)
      #expect(try await job?.release() == false)
      consumer = try await client.consumer(of: [orders])
      _ = try await consumer?.one()
      consumer = nil
      try await eventually("ready again") { try beanstalkd.jobs() == JobTotals(ready: 1) }
      try await eventually("the connection is closed") {
        try beanstalkd.client().stats()["current-connections"] == "3"
      }
    }
  }
}
