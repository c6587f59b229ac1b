import MEDCore
import MEDRedis
import MEDTestSupport
import Testing

@testable import MEDProducer

@Suite("§10 Producer: the recover list in Redis", .showsServerOutput)
struct RedisListTests {
  /// A producer whose queue servers can't be reached.
  private func configuration(_ redis: RedisServer...) throws -> ProducerConfiguration {
    var configuration = try ProducerConfiguration(servers: "127.0.0.1:\(FreePort.next())")
    var list = RecoverListConfiguration(servers: redis.map(\.address))
    list.timeout = .milliseconds(500 * Patience.factor)
    configuration.recoverList = list
    return configuration
  }

  private func withProducer<Result: Sendable>(
    _ configuration: ProducerConfiguration, _ body: @Sendable (Producer) async throws -> Result
  ) async throws -> Result {
    let producer = try await Producer.start(configuration)
    let result = try await body(producer)
    await producer.close(within: .seconds(5))
    return result
  }

  @Test func `what no queue server takes is on the list, a msgpack string around the message`() async throws {
    let redis = try await RedisServer.start()
    var sent = Message(topic: "order_paid", body: ["order": 4711])
    sent.sender = "shop"
    let message = sent
    try await withProducer(configuration(redis)) { producer in
      let publication = try await producer.publish(message)
      let list = try #require(producer.configuration.recoverList).list
      #expect(publication == Publication(.listed(list)))
      #expect(list.hasPrefix("mec_list_of_msg_for_restore_to_queue_server:") && list.count > 44)
    }
    let entry = try #require(try await redis.entries().first)
    #expect(try MessagePack.string(entry) == message.encoded())
    #expect(entry[0] == 0xd9)  // str, not bin
  }

  @Test func `the oldest is taken first`() async throws {
    let redis = try await RedisServer.start()
    try await withProducer(configuration(redis)) { producer in
      #expect(await producer.publish((0..<10).map { message($0) }).places.count == 10)
      try await producer.publish(message(10))
    }
    let numbers = try await redis.entries().reversed().compactMap { MessageMark.find(in: $0) }
    #expect(numbers == Array(0...10))
  }

  @Test func `while Redis is away too, the message is nowhere, and the error says so`() async throws {
    let redis = try await RedisServer.start()
    try await redis.stop()
    try await withProducer(configuration(redis)) { producer in
      let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(1)) }
      #expect(error?.code == .nowhere)
      #expect(error?.attempts.count == 2)
      #expect(error?.attempts.last?.place == redis.address)
      try await redis.start()
      try await eventually("Redis is used again", within: .seconds(30)) {
        try await producer.publish(message(2)).inDoubt.isEmpty
      }
    }
    #expect(try await redis.entries().compactMap { MessageMark.find(in: $0) } == [2])
  }

  @Test func `a Redis that hangs leaves a message unconfirmed, and holds up many together`() async throws {
    let redis = try await RedisServer.start()
    try await withProducer(configuration(redis)) { producer in
      try await producer.publish(message(0))
      redis.process.pause()
      let errors = await publishTogether(1..<101, with: producer).values.errors
      #expect(errors.count == 100)
      let doubtful = errors.count { $0.code == .unconfirmed }
      #expect(doubtful >= 1)
      redis.process.resume()
      // Those that were called nowhere are nowhere.
      try await eventually("it answers again") { try redis.command("PING") == ["PONG"] }
      #expect(try await redis.entries().count <= 1 + doubtful)
    }
  }

  @Test func `a Redis without memory says why`() async throws {
    let redis = try await RedisServer.start()
    _ = try redis.command("CONFIG", "SET", "maxmemory", "1")
    try await withProducer(configuration(redis)) { producer in
      let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(1)) }
      #expect(error?.code == .nowhere)
      #expect(error?.attempts.last?.reason.contains("OOM") == true, "\(error.map { "\($0)" } ?? "")")
    }
  }

  @Test func `password, database, prefix and name are those of the configuration`() async throws {
    let redis = try await RedisServer.start(password: "secret")
    var right = try configuration(redis)
    right.recoverList?.password = "secret"
    right.recoverList?.database = 3
    right.recoverList?.prefix = "lost:"
    right.recoverList?.name = "shop"
    try await withProducer(right) { producer in
      let publication = try await producer.publish(message(1))
      #expect(publication.place == .listed("lost:shop"))
    }
    #expect(try await redis.entries("lost:shop", password: "secret", database: 3).count == 1)
    var wrong = right
    wrong.recoverList?.password = "guess"
    try await withProducer(wrong) { producer in
      let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(1)) }
      #expect(error?.code == .nowhere)
      #expect(error.map { "\($0)" }?.contains("guess") == false)
    }
  }

  @Test func `of several Redis servers one that answers is used`() async throws {
    let servers = [try await RedisServer.start(), try await RedisServer.start()]
    try await servers[0].stop()
    try await withProducer(configuration(servers[0], servers[1])) { producer in
      for number in 0..<4 {
        let publication = try await producer.publish(message(number))
        #expect(publication.inDoubt.isEmpty)
      }
    }
    #expect(try await servers[1].entries().count == 4)
  }
}

extension RedisServer {
  /// The entries of the list, the newest first.
  func entries(
    _ list: String = RecoverListConfiguration(server: "").list, password: String = "", database: Int = 0
  ) async throws -> [[UInt8]] {
    let client = try RedisClient(
      RedisConfiguration(
        addresses: [RedisAddress(host: "127.0.0.1", port: port)], password: password, databaseIndex: database))
    let answer = try await client.send(RedisCommand("LRANGE", text: list, "0", "-1"))
    client.close()
    return answer.array?.compactMap(\.bytes) ?? []
  }
}
