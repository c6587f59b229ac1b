import Foundation
import MEDTestSupport
import Testing

@Suite("§10 Recover lists", .showsServerOutput)
struct RecoverTests {
  @Test func `what producers leave in Redis is delivered, with its own priority and delay`() async throws {
    let place = try await RecoverPlace()
    try place.push(0..<300)
    try place.push(300..<400, list: "another:with:colons")
    // Bare, and wrapped twice.
    try place.push([SystemHarness.message(400), MsgpackValue.binary(RecoverPlace.entry(401)).encoded])
    try await place.system.startDispatcher()
    try await place.waitUntilEmpty()
    #expect(Set(0..<402).subtracting(try place.find().delivered).isEmpty)
    #expect(place.putAgain == 0)

    let delayed = TestMessage(
      topic: SystemHarness.topic, body: .string(MessageMark.text(500)), delay: 3_600, priority: 77)
    try place.push([MsgpackValue.binary(delayed.encoded).encoded])
    try await eventually("it is in the main queue") { try place.system.server.jobs().delayed == 1 }
    let job = try #require(try place.system.server.everyJob().first)
    #expect(job.tube == SystemHarness.mainQueue)
    #expect(job.body == delayed.encoded)
    let stats = try #require(try place.system.server.client().stats(job: job.id))
    #expect(stats["pri"] == "77" && stats["delay"] == "3600")
    #expect(try await place.system.stopDispatcher() == .code(0))
    #expect(try place.redis.command("KEYS", "*").isEmpty)
    #expect(place.system.count("the recover lists can't be read", in: "warn") == 0)
  }

  @Test func `what is no message, or too big, is on the DATA log with its exact bytes`()
    async throws
  {
    let place = try await RecoverPlace(maxJobSize: 4_096)
    let big = SystemHarness.message(3, padding: 5_000)
    let entries: [String: [UInt8]] = [
      "RECOVFAILDECODE": [0xc1, 1, 2], "RECOVFAILASSERT": MsgpackValue.array([1, "m-000002"]).encoded,
      "RECOVFAILBACK": MsgpackValue.binary(big).encoded,
    ]
    for entry in entries.values { try place.push([entry]) }
    try place.push(10..<20)
    try await place.system.startDispatcher()
    try await eventually("all are recorded") {
      try place.system.records.count { $0.kind.hasPrefix("RECOVFAIL") } == 3 && place.entriesLeft() == 0
    }
    for (kind, entry) in entries {
      let record = try #require(place.system.records(kind).first)
      #expect(record.payload == entry)
      #expect(record.reason.contains("list " + RecoverPlace.prefix + "1"))
    }
    #expect(place.system.records("RECOVFAILBACK").first?.reason.contains("JOB_TOO_BIG") == true)
    try await eventually("the others are delivered") { place.deliveredCount == 10 }
    #expect(try await place.system.stopDispatcher() == .code(0))
  }

  @Test func `Redis may be away at the start, go away, come back, and nobody else notices`() async throws {
    let place = try await RecoverPlace()
    place.proxy.refuse()
    try await place.system.startDispatcher()
    try place.push(0..<500)
    try place.system.publish(1_000..<1_200)
    try await eventually("others are served meanwhile", within: .seconds(30)) { place.deliveredCount == 200 }
    try await eventually("it is told") { place.system.count("the recover lists can't be read", in: "warn") > 0 }
    try place.proxy.accept()
    try await eventually("all come", within: .seconds(40)) { place.deliveredCount == 700 }
    #expect(place.system.count("the recover lists can be read again", in: "info") == 1)

    // Frozen, then cut in the middle of things.
    place.proxy.pause()
    try place.push(500..<900)
    try place.system.publish(1_200..<1_300)
    try await eventually("others are served meanwhile", within: .seconds(30)) { place.deliveredCount == 800 }
    place.proxy.resume()
    for round in 0..<10 {
      try place.push(2_000 + round * 50..<2_050 + round * 50)
      place.proxy.cutAll()
    }
    try await place.waitUntilEmpty()
    #expect(place.system.ledger.expected.subtracting(place.system.ledger.accepted).isEmpty)
    // A stop isn't held up by a Redis that hangs.
    place.proxy.pause()
    #expect(try await place.system.stopDispatcher() == .code(0))
  }

  @Test func `a Redis that fails over is followed`() async throws {
    let second = try await RedisServer.start()
    let place = try await RecoverPlace()
    try place.system.configure(["Redis.Addr": "\"\(place.redis.address), \(second.address)\""])
    _ = try second.command("REPLICAOF", "127.0.0.1", "\(place.redis.port)")
    try await eventually("it is a replica") {
      try second.command("INFO", "replication").joined().contains("master_link_status:up")
    }
    try place.push(0..<100)
    try await place.system.startDispatcher()
    try await eventually("the first ones come", within: .seconds(30)) { place.deliveredCount == 100 }
    _ = try second.command("REPLICAOF", "NO", "ONE")
    _ = try place.redis.command("REPLICAOF", "127.0.0.1", "\(second.port)")
    let entries = (100..<200).map { RecoverPlace.entry($0) }
    _ = try second.command([Array("LPUSH".utf8), Array((RecoverPlace.prefix + "1").utf8)] + entries)
    try await eventually("the next ones come from the other", within: .seconds(40)) { place.deliveredCount == 200 }
    try await place.redis.stop()
    let last = (200..<300).map { RecoverPlace.entry($0) }
    _ = try second.command([Array("LPUSH".utf8), Array((RecoverPlace.prefix + "1").utf8)] + last)
    try await eventually("the last ones too", within: .seconds(40)) { place.deliveredCount == 300 }
    #expect(try await place.system.stopDispatcher() == .code(0))
  }

  @Test func `a wrong password is told once, names no secret, and keeps nothing from running`() async throws {
    let redis = try await RedisServer.start(password: "s3cret-a")
    let place = try await RecoverPlace(redisOptions: "Password = \"s3cret-b\"\n")
    try place.system.configure(["Redis.Addr": "\"\(redis.address)\""])
    try place.system.publish(0..<50)
    try await place.system.startDispatcher()
    try await eventually("others are served") { place.deliveredCount == 50 }
    try await eventually("it is told") { place.system.count("the recover lists can't be read", in: "warn") > 0 }
    try place.system.publish(50..<100)
    try await eventually("others are served on") { place.deliveredCount == 100 }
    #expect(place.system.count("the recover lists can't be read", in: "warn") == 1)
    for log in ["info", "warn", "error", "debug"] { #expect(!place.system.log(log).contains("s3cret")) }
    #expect(try await place.system.stopDispatcher() == .code(0))
  }

  @Test func `while the queue server is away or refuses, messages stay in Redis`() async throws {
    let place = try await RecoverPlace()
    try await place.system.server.drain()
    try place.push(0..<200)
    try await place.system.startDispatcher()
    try await eventually("some went back", within: .seconds(30)) {
      place.system.count("could not be put into the main queue and went back", in: "warn") > 0
    }
    #expect(place.system.records.isEmpty)
    let found = try place.find()
    #expect(found.listed.union(found.inHand).count == 200)
    try await place.system.server.restart()
    try await place.waitUntilEmpty()
    #expect(place.deliveredCount == 200)
    #expect(try await place.system.stopDispatcher() == .code(0))
  }

  @Test func `two dispatchers share the lists, and what one had in hand is taken up when it is dead`() async throws {
    let place = try await RecoverPlace()
    let other = try SystemHarness(
      place.system.server, tables: "[Redis]\nAddr = \"\(place.redis.address)\"\n", throughProxy: false,
      editor: place.system.store)
    try place.push(0..<2_000)
    // The first hangs with a batch in hand, then dies.
    let moves = StreamCount("\r\nLMOVE\r\n")
    place.proxy.add(
      .custom(.toServer) { piece in
        moves.add(piece)
        return .forward
      })
    place.proxy.add(
      .custom(.toClient) { _ in
        guard moves.count > 200 else { return .forward }
        place.system.kill()
        return .drop
      })
    try await place.system.startDispatcher()
    #expect(try await place.system.dispatcher.waitForExit(within: .seconds(30)) == .signal(SIGKILL))
    let held = try place.find().inHand
    #expect(!held.isEmpty)
    #expect(try await place.system.amend().status == .code(0))
    try await other.startDispatcher()
    // Its time must pass by itself: up to ten seconds, and five until somebody looks.
    try await eventually("the other one takes it up", within: .seconds(60)) { try place.entriesLeft() == 0 }
    try await eventually("that is told") { other.count("took up messages", in: "info") > 0 }
    try await eventually("all are out of the main queue") {
      try place.system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    #expect(try await other.stopDispatcher() == .code(0))
  }

  @Test func `without [Redis] there is none`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    try system.publish(0..<10)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted.count == 10)
    #expect(id > 0)
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(try system.dispatcher.pid)/task").map {
      (try? String(contentsOfFile: "/proc/\(try system.dispatcher.pid)/task/\($0)/comm", encoding: .utf8)) ?? ""
    }
    #expect(!threads.contains("redis\n"))
    #expect(threads.contains("medispatcher\n"))
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
