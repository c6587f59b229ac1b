import MEDBeanstalk
import MEDCore
import MEDTestSupport
import Testing

@Suite("The client: reservations when things break", .showsServerOutput)
struct ConsumerFaultTests {
  private let orders = TubeName("orders")!

  @Test func `cancelling a reserve that waits takes no job along`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address, quickReconnects) { client in
      let consumer = try await client.consumer(of: [orders])
      let waiting = Task { try await consumer.reserve() }
      try await eventually("it waits", within: .seconds(20)) {
        try beanstalkd.client().stats()["current-waiting"] == "1"
      }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      _ = try await client.put(bytes("a"), into: orders)
      #expect(try await consumer.one().text == "a")
    }
  }

  @Test func `cancelling a reserve that waits its turn leaves the one before alone`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      let consumer = try await client.consumer(of: [orders])
      let first = Task { try await consumer.one() }
      try await eventually("it waits", within: .seconds(20)) {
        try beanstalkd.client().stats()["current-waiting"] == "1"
      }
      let second = Task { try await consumer.reserve() }
      second.cancel()
      await #expect(throws: CancellationError.self) { try await second.value }
      guard case .timedOut = try await consumer.reserve(within: .milliseconds(50)) else {
        throw Missing(description: "the turn is taken")
      }
      _ = try await client.put(bytes("a"), into: orders)
      #expect(try await first.value.text == "a")
    }
  }

  @Test func `a job that comes while the reserve is cancelled is handed over or given back`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address, quickReconnects) { client in
      let consumer = try await client.consumer(of: [orders], options: .init(touches: true))
      for round in 0..<60 {
        let waiting = Task { try await consumer.reserve(upTo: 2) }
        try await eventually("connected") { await consumer.isConnected }
        async let putting = client.put(bytes("\(round)"), into: orders, priority: 8)
        if round % 3 > 0 { await Task.yield() }
        waiting.cancel()
        let number = try await putting
        if case .success(.reserved(let jobs)) = await waiting.result {
          for job in jobs { #expect(try await job.delete()) }
        } else {
          try await eventually("given back") {
            try beanstalkd.client().stats(job: number)?["state"] == "ready"
          }
          try #expect(beanstalkd.client().stats(job: number)?["pri"] == "8")
          #expect(await client.delete(numbers: [number]) == [.done])
        }
      }
      try #expect(beanstalkd.jobs() == JobTotals())
    }
  }

  @Test func `cancelling a reserve while another job is held leaves that one alone`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put(bytes("a"), into: orders)
      let consumer = try await client.consumer(of: [orders])
      let held = try await consumer.one()
      let waiting = Task { try await consumer.reserve() }
      async let putting = client.put(bytes("b"), into: orders, priority: 8)
      waiting.cancel()
      let number = try await putting
      if case .success(.reserved(let jobs)) = await waiting.result {
        for job in jobs { #expect(try await job.delete()) }
      } else {
        try await eventually("ready") { try beanstalkd.client().stats(job: number)?["state"] == "ready" }
        try #expect(beanstalkd.client().stats(job: number)?["pri"] == "8")
      }
      #expect(try await held.delete())
    }
  }

  @Test func `a job whose connection broke is still deleted if nobody else has it`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    try await withClient(proxy.address, quickReconnects) { client in
      _ = await client.put([Put(tube: orders, body: [1]), Put(tube: orders, body: [2])])
      let consumer = try await client.consumer(of: [orders])
      guard case .reserved(let jobs) = try await consumer.reserve(upTo: 2, within: .seconds(20)), jobs.count == 2
      else { throw Missing(description: "two jobs") }
      proxy.cutAll()
      try await eventually("both are given back") { try beanstalkd.jobs() == JobTotals(ready: 2) }
      try await eventually("connected again", within: .seconds(20)) {
        guard await consumer.isConnected, await client.health.isReachable else { return false }
        return await consumer.heldCount == 0
      }
      #expect(try await jobs[0].touch() == false)
      #expect(try await jobs[0].delete())
      let witness = try beanstalkd.client()
      #expect(try witness.reserve(from: "orders", waiting: 5)?.id == jobs[1].number)
      #expect(try await jobs[1].delete() == false)
      try #expect(witness.jobs() == JobTotals(reserved: 1))
    }
  }

  @Test func `a delete whose connection broke doesn't wait behind a reserve`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    try await withClient(proxy.address, quickReconnects) { client in
      _ = try await client.put(bytes("a"), into: orders)
      let consumer = try await client.consumer(of: [orders])
      let job = try await consumer.one()
      let witness = try beanstalkd.client()
      proxy.cutAll()
      // Takes the job and keeps it, so that the next reserve finds nothing.
      #expect(try witness.reserve(from: "orders", waiting: 5)?.id == job.number)
      let waiting = Task { try await consumer.reserve() }
      try await eventually("it waits", within: .seconds(20)) { try witness.stats()["current-waiting"] == "1" }
      try await eventually("reachable", within: .seconds(20)) { await client.health.isReachable }
      let reserves = try witness.stats()["cmd-reserve-with-timeout"]
      #expect(try await job.delete() == false)
      try #expect(witness.stats()["cmd-reserve-with-timeout"] == reserves)
      waiting.cancel()
      _ = await waiting.result
      try #expect(witness.jobs() == JobTotals(reserved: 1))
    }
  }

  @Test func `a job of another run of the server is never deleted`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address, quickReconnects) { client in
      _ = try await client.put(bytes("old"), into: orders)
      let consumer = try await client.consumer(of: [orders])
      let job = try await consumer.one()
      try await beanstalkd.restart()
      try await eventually("connected again", within: .seconds(20)) {
        guard await consumer.isConnected, await client.health.isReachable else { return false }
        return await consumer.heldCount == 0
      }
      try #expect(beanstalkd.client().put("new", into: "orders") == job.number)
      #expect(try await job.delete() == false)
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
    }
  }

  @Test func `a reserve outlives the death of its server`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(binlog: true)
    try await withClient(beanstalkd.address, quickReconnects) { client in
      let consumer = try await client.consumer(of: [orders])
      let waiting = Task { try await consumer.one() }
      try await eventually("it waits", within: .seconds(20)) {
        try beanstalkd.client().stats()["current-waiting"] == "1"
      }
      try await beanstalkd.crash()
      let error = await #expect(throws: BeanstalkError.self) {
        try await client.consumer(of: [orders]).reserve(within: .milliseconds(200))
      }
      #expect(error?.code == .unreachable)
      try await beanstalkd.start()
      try beanstalkd.client().put("a", into: "orders")
      #expect(try await waiting.value.delete())
    }
  }

  @Test func `a server that is frozen is noticed while a reserve waits`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    var configuration = quickReconnects
    configuration.replyTimeout = .milliseconds(300)
    try await withClient(proxy.address, configuration) { client in
      let consumer = try await client.consumer(of: [orders])
      try await eventually("connected", within: .seconds(20)) { await consumer.isConnected }
      proxy.pause()
      let error = await #expect(throws: BeanstalkError.self) { try await consumer.reserve(within: .seconds(1)) }
      #expect(error?.disposition == .retry)
      proxy.resume()
      _ = try await eventually("it works again", within: .seconds(20)) {
        try await client.put(bytes("a"), into: orders) > 0
      }
      #expect(try await consumer.one().text == "a")
    }
  }

  @Test(arguments: [Direction.toClient, .toServer])
  func `wherever its connection is cut, a job is worked on at least once and then gone`(
    _ direction: Direction
  ) async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    try await withClient(proxy.address, quickReconnects) { client in
      let consumer = try await client.consumer(of: [orders], options: .init(touches: true))
      let witness = try beanstalkd.client()
      for count in 1...400 {
        try await eventually("connected", within: .seconds(20)) {
          guard await consumer.isConnected else { return false }
          return await client.health.isReachable
        }
        let number = try witness.put("\(count)", into: "orders")
        let worked = MEDTestSupport.Locked(0)
        let before = proxy.connections
        let rule = proxy.add(.cut(after: count, direction))
        while try witness.peek(number) != nil {
          _ = try? await consumer.withReservation(within: .seconds(20)) { job in
            if job.number == number { worked.withLock { $0 += 1 } }
          }
          proxy.remove(rule)
        }
        #expect(worked.withLock { $0 } >= 1, "cut after \(count) bytes")
        if proxy.connections == before { return }
      }
      Issue.record("the exchange never ended")
    }
  }
}
