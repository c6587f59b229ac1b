import MEDTestSupport
import Testing

@testable import MEDRedis

@Suite("§10 Redis: the client", .showsServerOutput)
struct RedisClientTests {
  private func failure(_ body: () async throws -> Void) async throws -> RedisError {
    try #require(await #expect(throws: RedisError.self) { try await body() })
  }

  @Test func `bytes go there and back as they are, in pipelines of any size`() async throws {
    let server = try await RedisServer.start()
    let client = try testClient(server)
    let all = (0..<5_000).map { number in
      [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 300) + Array("\r\n$-1\r\n\(number)".utf8)
    }
    let counts = try await client.pipeline(all.map { RedisCommand("LPUSH", Array("l".utf8), $0) })
    #expect(counts == (1...5_000).map { .integer($0) })
    #expect(
      try await client.send(RedisCommand("LRANGE", text: "l", "0", "-1")) == .array(all.reversed().map { .bytes($0) }))
    #expect(try await client.pipeline([]) == [])
  }

  @Test func `each kind of reply is what it is`() async throws {
    let server = try await RedisServer.start()
    let client = try testClient(server)
    #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
    #expect(try await client.send(RedisCommand("GET", text: "x")) == .null)
    #expect(try await client.send(RedisCommand("KEYS", text: "*")) == .array([]))
    #expect(try await client.send(RedisCommand("DECR", text: "n")) == .integer(-1))
    let script = "return {1, {'a', {false, {'b'}}}, {}}"
    #expect(
      try await client.send(RedisCommand("EVAL", text: script, "0"))
        == .array([
          .integer(1), .array([.bytes(Array("a".utf8)), .array([.null, .array([.bytes(Array("b".utf8))])])]),
          .array([]),
        ]))
  }

  @Test func `a refused command is an error by itself, and the others of its pipeline are done`() async throws {
    let server = try await RedisServer.start()
    let client = try testClient(server)
    let answers = try await client.pipeline([
      RedisCommand("SET", text: "s", "1"), RedisCommand("RPOP", text: "s"), RedisCommand("NONSENSE"),
      RedisCommand("GET", text: "s"),
    ])
    #expect(answers.map { $0.error?.kind } == [nil, .wrongType, .other, nil])
    #expect(answers.last == .bytes(Array("1".utf8)))
    let error = try await failure { _ = try await client.send(RedisCommand("RPOP", text: "s")) }
    #expect(error.code == .refused)
    #expect(error.server?.kind == .wrongType)
    #expect(error.disposition == .fatal)
  }

  @Test func `the password is sent and told to nobody`() async throws {
    let server = try await RedisServer.start(password: "s3cret-word")
    #expect(try await testClient(server, password: "s3cret-word").send(RedisCommand("PING")) == .status("PONG"))
    let wrong = try testClient(server, password: "wr0ng-word")
    let refusal = try await failure { _ = try await wrong.send(RedisCommand("PING")) }
    #expect(refusal.code == .unavailable)
    #expect(refusal.server?.kind == .notAllowed)
    #expect(refusal.disposition == .retry)
    for text in ["\(refusal)", "\(wrong.configuration)", "\(String(reflecting: wrong.configuration))"] {
      #expect(!text.contains("wr0ng"))
    }
    let none = try await failure { _ = try await testClient(server).send(RedisCommand("PING")) }
    #expect(none.server?.kind == .notAllowed)
  }

  @Test func `a password where none is set is refused without being told`() async throws {
    let server = try await RedisServer.start()
    let error = try await failure { _ = try await testClient(server, password: "s3cret").send(RedisCommand("PING")) }
    #expect(error.message.contains("none is set there"))
    #expect(!error.message.contains("s3cret"))
  }

  @Test func `the database is selected on each connection`() async throws {
    let server = try await RedisServer.start()
    let client = try testClient(server, database: 3)
    _ = try await client.send(RedisCommand("SET", text: "k", "three"))
    await client.disconnect()
    #expect(try await client.send(RedisCommand("GET", text: "k")) == .bytes(Array("three".utf8)))
    #expect(try await testClient(server).send(RedisCommand("GET", text: "k")) == .null)
    let error = try await failure { _ = try await testClient(server, database: 99).send(RedisCommand("PING")) }
    #expect(error.message.contains("DB index"))
  }

  @Test func `a connection that the server has closed is made anew before anything is sent`() async throws {
    let server = try await RedisServer.start(keepsData: true)
    let client = try testClient(server)
    _ = try await client.send(RedisCommand("INCR", text: "n"))
    _ = try server.command("CLIENT", "KILL", "TYPE", "normal")
    #expect(try await client.send(RedisCommand("INCR", text: "n")) == .integer(2))
    try await server.restart()
    try await eventually("it answers") {
      try await client.send(RedisCommand("GET", text: "n")) == .bytes(Array("2".utf8))
    }
  }

  @Test func `a server that is away is named, and found again when it is there`() async throws {
    let server = try await RedisServer.start()
    let client = try testClient(server)
    try await server.stop()
    let error = try await failure { _ = try await client.send(RedisCommand("PING")) }
    #expect(error.code == .unavailable)
    #expect(error.message.contains(server.address))
    try await server.start()
    try await eventually("it answers") { try await client.send(RedisCommand("PING")) == .status("PONG") }
  }

  @Test func `of several addresses the primary is used, whichever it is`() async throws {
    let gone = try FreePort.next()
    let first = try await RedisServer.start()
    let second = try await RedisServer.start()
    _ = try second.command("REPLICAOF", "127.0.0.1", "\(first.port)")
    let client = try testClient(ports: [gone, second.port, first.port])
    _ = try await client.send(RedisCommand("SET", text: "k", "1"))
    #expect(client.connectedAddress?.port == first.port)
    try await eventually("the replica has it") { try second.command("GET", "k") == ["1"] }
    // The connection lives on: it is what the server says that shows the change.
    _ = try second.command("REPLICAOF", "NO", "ONE")
    _ = try first.command("REPLICAOF", "127.0.0.1", "\(second.port)")
    let refused = try await failure { _ = try await client.send(RedisCommand("SET", text: "k", "2")) }
    #expect(refused.server?.kind == .readOnly)
    try await eventually("the new primary takes it") {
      try await client.send(RedisCommand("SET", text: "k", "2")) == .status("OK")
    }
    #expect(client.connectedAddress?.port == second.port)
    // Gone altogether.
    _ = try first.command("REPLICAOF", "NO", "ONE")
    try await second.stop()
    try await eventually("the first one takes it") {
      try await client.send(RedisCommand("SET", text: "k", "3")) == .status("OK")
    }
    #expect(client.connectedAddress?.port == first.port)
  }

  @Test func `a replica alone is no server to write to`() async throws {
    let first = try await RedisServer.start()
    let second = try await RedisServer.start()
    _ = try second.command("REPLICAOF", "127.0.0.1", "\(first.port)")
    let error = try await failure { _ = try await testClient(second).send(RedisCommand("PING")) }
    #expect(error.server?.kind == .readOnly)
  }

  @Test func `a server that is frozen costs the reply time-out, and no more`() async throws {
    let server = try await RedisServer.start()
    let client = try testClient(server, replyTimeout: .milliseconds(300))
    _ = try await client.send(RedisCommand("PING"))
    server.process.pause()
    let error = try await failure { _ = try await client.send(RedisCommand("PING")) }
    #expect(error.code == .unanswered)
    server.process.resume()
    try await eventually("it answers") { try await client.send(RedisCommand("PING")) == .status("PONG") }
  }

  @Test func `a close breaks off what waits, and nothing is sent after it`() async throws {
    let server = try await RedisServer.start()
    let client = try testClient(server, replyTimeout: .seconds(3_600))
    _ = try await client.send(RedisCommand("PING"))
    let waiting = Task { try await client.send(RedisCommand("BLPOP", text: "never", "0")) }
    try await eventually("it waits") {
      try server.command("INFO", "clients").joined().contains("blocked_clients:1")
    }
    client.close()
    await #expect(throws: RedisError.self) { _ = try await waiting.value }
    #expect(try await failure { _ = try await client.send(RedisCommand("PING")) }.code == .closed)
  }
}
