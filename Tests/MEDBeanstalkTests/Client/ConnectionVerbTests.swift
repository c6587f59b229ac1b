import MEDBeanstalk
import MEDCore
import MEDTestSupport
import Testing

@Suite("The protocol, verb by verb", .showsServerOutput)
struct ConnectionVerbTests {
  private let orders = TubeName("orders")!

  private func withConnection(
    _ address: String, _ body: @Sendable (BeanstalkConnection) async throws -> Void
  ) async throws {
    try await withClient(address) { client in try await body(client.openConnection()) }
  }

  @Test func `put, use and list-tube-used`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      #expect(try await connection.tubeInUse() == "default")
      #expect(try await connection.use(orders) == "orders")
      #expect(try await connection.tubeInUse() == "orders")
      #expect(try await connection.put(bytes("a\r\nb"), priority: 7, delay: 0, timeToRun: 9) == .inserted(1))
      #expect(try await connection.put([], delay: 3600) == .inserted(2))
      let witness = try beanstalkd.client()
      #expect(try witness.peek(1) == bytes("a\r\nb"))
      #expect(try witness.stats(job: 1)?["pri"] == "7")
      #expect(try witness.stats(job: 1)?["ttr"] == "9")
      #expect(try witness.jobs(in: "orders") == JobTotals(ready: 1, delayed: 1))
    }
  }

  @Test func `watch, ignore and list-tubes-watched, and the last tube is not ignored`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      let first = try await connection.tubesWatched()
      #expect(first == ["default"])
      #expect(try await connection.watch(orders) == 2)
      #expect(try await connection.ignore(.init("default")!) == 1)
      #expect(try await connection.tubesWatched() == ["orders"])
      #expect(try await connection.ignore(orders) == nil)
      #expect(try await connection.ignore(.init("elsewhere")!) == 1)
      #expect(Set(try await connection.tubes()) == ["default", "orders"])
    }
  }

  @Test func `reserve, reserve-with-timeout and reserve-job`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      #expect(try await connection.reserve(timeoutSeconds: 0) == .timedOut)
      #expect(try await connection.reserve(timeoutSeconds: 1) == .timedOut)
      async let waiting = connection.reserve()
      let witness = try beanstalkd.client()
      try await eventually("it waits", within: .seconds(20)) { try witness.stats()["current-waiting"] == "1" }
      try witness.put("one", into: "default")
      guard case .reserved(let job) = try await waiting else { throw Missing(description: "a job") }
      #expect(job.number == 1)
      #expect(job.body == bytes("one"))
      #expect(try await connection.reserve(job: 1) == nil)
      try witness.put("two", into: "elsewhere", delay: 3600)
      #expect(try await connection.reserve(job: 2)?.body == bytes("two"))
      #expect(try await connection.reserve(job: 3) == nil)
      try #expect(witness.jobs() == JobTotals(reserved: 2))
    }
    try await eventually("both are given back") { try beanstalkd.jobs() == JobTotals(ready: 2) }
  }

  @Test func `delete, release, bury and touch`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      let witness = try beanstalkd.client()
      for _ in 0..<3 { _ = try await connection.put(bytes("x")) }
      for _ in 0..<3 { _ = try await connection.reserve(timeoutSeconds: 0) }
      #expect(try await connection.touch(1))
      #expect(try await connection.delete(1))
      #expect(try await connection.release(2, priority: 3, delay: 3600) == .released)
      #expect(try await connection.bury(3, priority: 4))
      try #expect(witness.jobs() == JobTotals(delayed: 1, buried: 1))
      try #expect(witness.stats(job: 2)?["pri"] == "3")
      try #expect(witness.stats(job: 3)?["pri"] == "4")
      #expect(try await connection.touch(2) == false)
      #expect(try await connection.delete(1) == false)
      #expect(try await connection.release(1) == .notFound)
      #expect(try await connection.bury(2) == false)
    }
  }

  @Test func `peek, peek-ready, peek-delayed and peek-buried`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      #expect(try await connection.peekReady() == nil)
      #expect(try await connection.peekDelayed() == nil)
      #expect(try await connection.peekBuried() == nil)
      #expect(try await connection.peek(1) == nil)
      for text in ["buried", "ready"] { _ = try await connection.put(bytes(text)) }
      _ = try await connection.put(bytes("delayed"), delay: 3600)
      _ = try await connection.reserve(timeoutSeconds: 0)
      _ = try await connection.bury(1)
      #expect(try await connection.peekBuried()?.body == bytes("buried"))
      #expect(try await connection.peekReady()?.number == 2)
      #expect(try await connection.peekDelayed()?.number == 3)
      #expect(try await connection.peek(3)?.body == bytes("delayed"))
    }
  }

  @Test func `kick and kick-job`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      #expect(try await connection.kick(10) == 0)
      for _ in 0..<3 { _ = try await connection.put([], delay: 3600) }
      #expect(try await connection.kick(2) == 2)
      #expect(try await connection.kick(job: 3))
      #expect(try await connection.kick(job: 3) == false)
      #expect(try await connection.kick(job: 4) == false)
      try #expect(beanstalkd.jobs() == JobTotals(ready: 3))
    }
  }

  @Test func `stats, stats-tube, stats-job and pause-tube`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      _ = try await connection.use(orders)
      _ = try await connection.put(bytes("x"), priority: 3)
      let server = try await connection.statistics()
      #expect(server.number("cmd-put") == 1)
      #expect(server["version"] == "1.12")
      #expect(server["no such thing"] == nil)
      #expect(try await connection.pause(orders, seconds: 3600))
      #expect(try await connection.statistics(of: orders)?.number("pause") == 3600)
      _ = try await connection.watch(orders)
      #expect(try await connection.reserve(timeoutSeconds: 0) == .timedOut)
      #expect(try await connection.pause(orders, seconds: 0))
      guard case .reserved(let reserved) = try await connection.reserve(timeoutSeconds: 20) else {
        throw Missing(description: "a job")
      }
      #expect(reserved.number == 1)
      let job = try await connection.statistics(ofJob: 1)
      #expect(job?["state"] == "reserved")
      #expect(job?.number("pri") == 3)
      #expect(try await connection.statistics(ofJob: 2) == nil)
      #expect(try await connection.statistics(of: .init("elsewhere")!) == nil)
      #expect(try await connection.pause(.init("elsewhere")!, seconds: 1) == false)
    }
  }

  @Test func `quit closes the connection, and what it held is ready`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      _ = try await connection.put(bytes("x"))
      _ = try await connection.reserve(timeoutSeconds: 0)
      #expect(await connection.isOpen)
      await connection.quit()
      #expect(await connection.isOpen == false)
      let error = await #expect(throws: BeanstalkError.self) { try await connection.peek(1) }
      #expect(error?.code == .connectionLost)
    }
    try await eventually("it is given back") { try beanstalkd.jobs() == JobTotals(ready: 1) }
  }

  @Test func `DEADLINE_SOON when a job that is held has less than a second`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      _ = try await connection.put(bytes("x"), timeToRun: 1)
      _ = try await connection.reserve(timeoutSeconds: 0)
      #expect(try await connection.reserve(timeoutSeconds: 20) == .deadlineSoon)
    }
  }

  @Test func `commands that are asked for together are pipelined in order`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      let numbers = try await withThrowingTaskGroup(of: UInt64.self) { group in
        for index in 0..<200 {
          group.addTask {
            guard case .inserted(let number) = try await connection.put(bytes("\(index)")) else { return 0 }
            return number
          }
        }
        return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
      }
      #expect(numbers == Set(1...200))
    }
  }

  @Test func `a reserve that is cancelled ends the connection, and takes no job with it`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withConnection(beanstalkd.address) { connection in
      let waiting = Task { try await connection.reserve() }
      let witness = try beanstalkd.client()
      try await eventually("it waits", within: .seconds(20)) { try witness.stats()["current-waiting"] == "1" }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      #expect(await connection.isOpen == false)
      try witness.put("x", into: "default")
      try #expect(witness.reserve(from: "default", waiting: 5)?.body == bytes("x"))
    }
  }

  @Test func `a server that isn't there is an error`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      try await beanstalkd.crash()
      let error = await #expect(throws: BeanstalkError.self) { try await client.openConnection() }
      #expect(error?.code == .unreachable)
    }
  }
}
