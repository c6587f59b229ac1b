import MEDBeanstalk
import MEDCore
import MEDTestSupport
import Testing

@Suite("Answers that refuse, as the client tells them", .showsServerOutput)
struct ClientReplyTests {
  private let orders = TubeName("orders")!

  @Test func `JOB_TOO_BIG is final`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(maxJobSize: 10)
    try await withClient(beanstalkd.address) { client in
      let connection = try await client.openConnection()
      let raw = await expectFailure(.jobTooBig) { _ = try await connection.put(Array(repeating: 0, count: 11)) }
      #expect(raw?.disposition == .discard)
      await expectFailure(.jobTooBig) { _ = try await client.put(Array(repeating: 0, count: 11), into: orders) }
      #expect(try await connection.put(Array(repeating: 0, count: 10)) == .inserted(1))
    }
  }

  @Test func `DRAINING sends one elsewhere`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      let connection = try await client.openConnection()
      try await beanstalkd.drain()
      let raw = await expectFailure(.draining) { _ = try await connection.put([1]) }
      #expect(raw?.disposition == .retry)
      await expectFailure(.draining) { _ = try await client.put([1], into: orders) }
    }
  }

  @Test func `EXPECTED_CRLF, when the body isn't as long as was said`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try replacing(beanstalkd, "abc\r\n", "abcde", .toServer)
    try await withClient(proxy.address) { client in
      let connection = try await client.openConnection()
      await expectFailure(.expectedCRLF) { _ = try await connection.put(bytes("abc")) }
    }
    try #expect(beanstalkd.jobs() == JobTotals())
  }

  @Test(arguments: [("touch x\r\n", BeanstalkError.Code.badFormat), ("tooch 1\r\n", .unknownCommand)])
  func `a command that the server can't read is fatal`(_ line: String, _ code: BeanstalkError.Code) async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try replacing(beanstalkd, "touch 1\r\n", line, .toServer)
    try await withClient(proxy.address) { client in
      let connection = try await client.openConnection()
      let error = await expectFailure(code) { _ = try await connection.touch(1) }
      #expect(error?.disposition == .fatal)
      #expect(await connection.isOpen)
    }
  }

  @Test(arguments: [("OUT_OF_MEMORY", BeanstalkError.Code.outOfMemory), ("INTERNAL_ERROR", .internalError)])
  func `a server in trouble is told apart, for every kind of command`(
    _ word: String, _ code: BeanstalkError.Code
  ) async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    for answer in ["INSERTED 1", "WATCHING 2", "TIMED_OUT", "NOT_FOUND", "KICKED 0"] {
      proxy.add(
        .custom(.toClient) { piece in piece == bytes(answer + "\r\n") ? .replace(bytes(word + "\r\n")) : .forward })
    }
    try await withClient(proxy.address) { client in
      let connection = try await client.openConnection()
      await expectFailure(code) { _ = try await connection.put([1], delay: 3600) }
      await expectFailure(code) { _ = try await connection.watch(orders) }
      await expectFailure(code) { _ = try await connection.reserve(timeoutSeconds: 0) }
      await expectFailure(code) { _ = try await connection.delete(99) }
      await expectFailure(code) { _ = try await connection.peek(99) }
      await expectFailure(code) { _ = try await connection.kick(0) }
      await expectFailure(code) { _ = try await connection.statistics(ofJob: 99) }
      #expect(await connection.isOpen)
    }
  }

  @Test func `BURIED on put and on release is told, and the job is kicked by the client that put it`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let puts = try replacing(beanstalkd, "INSERTED 1\r\n", "BURIED 1\r\n")
    try await withClient(puts.address) { client in
      let connection = try await client.openConnection()
      #expect(try await connection.put([1]) == .buried(1))
    }
    let releases = try replacing(beanstalkd, "RELEASED\r\n", "BURIED\r\n")
    try await withClient(releases.address) { client in
      let connection = try await client.openConnection()
      _ = try await connection.reserve(timeoutSeconds: 0)
      #expect(try await connection.release(1) == .buried)
      let consumer = try await client.consumer(of: [.init("default")!])
      #expect(try await consumer.one().release())
      #expect(await consumer.heldCount == 0)
    }
  }

  @Test func `an answer that doesn't fit closes the connection`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try replacing(beanstalkd, "NOT_FOUND\r\n", "NOT_FOUND\r\nDELETED\r\n")
    try await withClient(proxy.address) { client in
      let connection = try await client.openConnection()
      #expect(try await connection.touch(1) == false)
      let error = await #expect(throws: BeanstalkError.self) { while true { _ = try await connection.tubeInUse() } }
      #expect(error?.code == .protocolViolation || error?.code == .connectionLost)
    }
  }

  @Test func `each code has a disposition, a label of its own and a place`() {
    let labels = Set(BeanstalkError.Code.allCases.map { BeanstalkError($0, "x").metricLabel })
    #expect(labels.count == BeanstalkError.Code.allCases.count)
    let error = BeanstalkError(.draining, "no")
    #expect(error.location.contains("ReplyTests.swift:"))
    #expect(error.description.contains("draining"))
  }
}
