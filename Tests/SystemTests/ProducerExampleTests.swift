import Foundation
import MEDCore
import MEDProducer
import MEDRedis
import MEDTestSupport
import Testing

/// The programs in Examples/producers/, as Docs/producers.md shows them.
@Suite("Producers in four languages", .showsServerOutput)
struct ProducerExampleTests {
  enum Language: String, CaseIterable {
    case swift, php, python, go
  }

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// Program and first arguments.
  private static func command(_ language: Language, in directory: TemporaryDirectory) async throws -> [String] {
    let folder = "\(root)/Examples/producers/\(language)"
    switch language {
    case .swift: return [try BuiltBinary.path("producer-example")]
    case .php: return ["php", "\(folder)/producer.php"]
    case .python: return [try await PythonPackages.interpreter(), "\(folder)/producer.py"]
    case .go:
      // Debian's packages take the place of modules.
      let built = try await ServerProcess.run(
        "go", ["build", "-o", directory.file("producer"), "\(folder)/producer.go"],
        environment: [
          "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": "\(root)/.build/go-cache", "GOFLAGS": "",
        ], within: .seconds(300))
      try #require(built.status == .code(0), "\(built.errors)")
      return [directory.file("producer")]
    }
  }

  private static let body = #"{"order":4711,"total":19.9,"notes":["ü",null,true]}"#

  /// Where the program says the message is; nil if it fails.
  private func publish(_ command: [String], _ servers: String, _ redis: RedisServer) async throws -> String? {
    let run = try await ServerProcess.run(
      command[0], command.dropFirst() + [servers, redis.address, SystemHarness.topic, Self.body], within: .seconds(60))
    guard run.status == .code(0) else { return nil }
    #expect(run.errors.isEmpty, "\(run.errors)")
    return run.output
  }

  private func expect(_ message: [UInt8], from language: Language) throws -> Envelope {
    let envelope = try Envelope(message)
    #expect(envelope.topic == SystemHarness.topic)
    #expect(envelope.sender == "\(language)")
    #expect(envelope.hasPriority && envelope.priority == 1024)
    #expect(envelope.delay == 0)
    #expect(abs(envelope.time - Date().timeIntervalSince1970) < 600)
    #expect(envelope.originJobID == 0 && envelope.retryTimes == 0 && envelope.logID == 0)
    let body = try JSONSerialization.jsonObject(with: Data(PushBody.json(envelope))) as? NSDictionary
    #expect(body == (try JSONSerialization.jsonObject(with: Data(Self.body.utf8)) as? NSDictionary))
    return envelope
  }

  @Test(arguments: Language.allCases)
  func `a message goes into the main queue and is pushed, or else on the list`(_ language: Language) async throws {
    let system = try await SystemHarness.start()
    let redis = try await RedisServer.start()
    let command = try await Self.command(language, in: system.directory)
    let id = try await system.subscribe()
    // One of the two is never there.
    let servers = "127.0.0.1:\(try FreePort.next()),\(system.server.address)"
    for _ in 0..<3 {
      #expect(try await publish(command, servers, redis) == "queued on \(system.server.address)\n")
    }
    let jobs = try system.server.everyJob()
    #expect(jobs.map(\.tube) == Array(repeating: SystemHarness.mainQueue, count: 3))
    #expect(try system.server.client().stats(job: 1)?["pri"] == "1024")
    let queued = try jobs.map { try expect($0.body, from: language) }

    try await system.startDispatcher()
    let requests = try await system.receiver.waitFor(count: 3, on: system.path(id), within: .seconds(30))
    // Several are pushed at once, in any order.
    let bodies = requests.compactMap { $0.field("message") }
    #expect(try bodies.sorted() == queued.map { String(decoding: try PushBody.json($0), as: UTF8.self) }.sorted())
    try await system.waitUntilEmpty()
    #expect(system.records.isEmpty)

    try await system.server.stop()
    let list = RecoverListConfiguration(server: redis.address).list
    for _ in 0..<2 { #expect(try await publish(command, servers, redis) == "listed on \(list)\n") }
    let entries = try await redis.entries(list)
    #expect(entries.count == 2)
    // Wrapped in a str; the newest is on the left.
    #expect(entries.allSatisfy { (0xa0...0xbf).contains($0[0]) || (0xd9...0xdb).contains($0[0]) })
    let listed = try entries.map { try expect(MessagePack.string($0), from: language) }
    #expect(listed[0].time > listed[1].time)
    // The same message, but for the moment, and the order of a map's keys where the language has none.
    if language != .go {
      func body(_ envelope: Envelope) -> [UInt8] { Array(envelope.bytes[envelope.body]) }
      #expect(body(listed[0]) == body(queued[0]))
    }

    try await redis.stop()
    #expect(try await publish(command, servers, redis) == nil)
  }

  @Test(arguments: Language.allCases)
  func `what is left on the list is pushed, once there are a dispatcher and a queue server`(
    _ language: Language
  ) async throws {
    let system = try await SystemHarness.start()
    let redis = try await RedisServer.start()
    try system.configure(["Redis.Addr": "\"\(redis.address)\""])
    let command = try await Self.command(language, in: system.directory)
    let id = try await system.subscribe()
    let list = RecoverListConfiguration(server: redis.address).list
    #expect(try await publish(command, "127.0.0.1:\(try FreePort.next())", redis) == "listed on \(list)\n")
    let listed = try expect(MessagePack.string(try #require(try await redis.entries(list).first)), from: language)

    try await system.startDispatcher()
    let request = try #require(
      try await system.receiver.waitFor(count: 1, on: system.path(id), within: .seconds(30)).first)
    #expect(request.field("message") == String(decoding: try PushBody.json(listed), as: UTF8.self))
    try await system.waitUntilEmpty()
    try await eventually("the list is gone") { try redis.command("EXISTS", list) == ["0"] }
    #expect(system.records.isEmpty)
  }

  @Test(arguments: Language.allCases)
  func `a message that is too big is never put on the list`(_ language: Language) async throws {
    let server = try await BeanstalkdServer.start(maxJobSize: 50)
    let redis = try await RedisServer.start()
    let directory = try TemporaryDirectory("producer")
    defer { withExtendedLifetime(directory) {} }
    let command = try await Self.command(language, in: directory)
    #expect(try await publish(command, server.address, redis) == nil)
    #expect(try redis.command("DBSIZE") == ["0"])
    #expect(try server.jobs().all == 0)
  }

  @Test(arguments: Language.allCases)
  func `a server that hangs or drains is passed over`(_ language: Language) async throws {
    let servers = try await [BeanstalkdServer.start(), BeanstalkdServer.start(), BeanstalkdServer.start()]
    let redis = try await RedisServer.start()
    let directory = try TemporaryDirectory("producer")
    defer { withExtendedLifetime(directory) {} }
    let command = try await Self.command(language, in: directory)
    servers[0].process.pause()
    try await servers[1].drain()
    let all = servers.map(\.address).joined(separator: ",")
    #expect(try await publish(command, all, redis)?.hasPrefix("queued on \(servers[2].address)\n") == true)
    #expect(try servers[2].jobs().all == 1)
    #expect(try redis.command("DBSIZE") == ["0"])
  }
}

extension RedisServer {
  /// The entries of a list, the newest first.
  fileprivate func entries(_ list: String) async throws -> [[UInt8]] {
    let client = try RedisClient(RedisConfiguration(addresses: [RedisAddress(host: "127.0.0.1", port: port)]))
    let answer = try await client.send(RedisCommand("LRANGE", text: list, "0", "-1"))
    client.close()
    return answer.array?.compactMap(\.bytes) ?? []
  }
}
