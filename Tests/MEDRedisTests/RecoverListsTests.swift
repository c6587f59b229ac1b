import Logging
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDRedis

@Suite("§10 Redis: the recover lists", .showsServerOutput)
struct RecoverListsTests {
  private static let prefix = "mec_list:"

  private func lists(_ server: RedisServer, prefix: String = prefix) throws -> RedisRecoverLists {
    try lists(port: server.port, prefix: prefix)
  }

  private func lists(
    port: UInt16, prefix: String = prefix, process: String? = nil, replyBytes: Int = RedisRecoverLists.maximumBytes
  ) throws -> RedisRecoverLists {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    var configuration = RedisConfiguration(
      addresses: [RedisAddress(host: "127.0.0.1", port: port)], replyTimeout: .seconds(1) * Patience.factor)
    configuration.maximumReplyBytes = replyBytes
    let names = process.map { RecoverListNames(prefix: prefix, process: $0) } ?? RecoverListNames(prefix: prefix)
    return try RedisRecoverLists(configuration, names: names, logger: logger)
  }

  private func push(_ server: RedisServer, _ list: String, _ entries: [String]) throws {
    _ = try server.command((["LPUSH", list] + entries).map { Array($0.utf8) })
  }

  /// Takes until so many have come.
  private func take(_ count: Int, _ lists: RedisRecoverLists, atMost limit: Int = 100) async throws -> [RecoverEntry] {
    var found: [RecoverEntry] = []
    try await eventually("\(count) entries were taken", within: .seconds(40)) {
      found += try await lists.take(atMost: limit).entries
      return found.count >= count
    }
    return found
  }

  private func text(_ entries: [RecoverEntry]) -> [String] {
    entries.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  private func keys(_ server: RedisServer, _ pattern: String = "*") throws -> [String] {
    try server.command("KEYS", pattern).filter { !$0.contains(":alive:") }.sorted()
  }

  @Test func `the oldest come first, lie on a list of the process, and are removed from there`() async throws {
    let server = try await RedisServer.start()
    let names = (0..<250).map { "e\($0)" }
    try push(server, "mec_list:a", names)
    let lists = try lists(server)
    let first = try await lists.take(atMost: 100).entries
    #expect(text(first) == Array(names.prefix(100)))
    #expect(first.allSatisfy { $0.list == "mec_list:a" })
    #expect(try server.command("LLEN", "mec_list:a") == ["150"])
    let own = try #require(try keys(server, "medispatcher:*").first)
    #expect(own.hasSuffix(":mec_list:a"))
    #expect(try server.command("LRANGE", own, "0", "-1").reversed() == Array(names.prefix(100)))
    try await lists.remove(Array(first.prefix(60)))
    #expect(try server.command("LRANGE", own, "0", "-1").reversed() == Array(names[60..<100]))
    try await lists.remove(Array(first.dropFirst(60)))
    #expect(text(try await take(150, lists)) == Array(names.dropFirst(100)))
    await lists.close()
  }

  @Test func `many lists have their turns, new ones are found, other keys are left alone`() async throws {
    let server = try await RedisServer.start()
    for list in 0..<30 { try push(server, "mec_list:\(list)", ["\(list)-a", "\(list)-b"]) }
    try push(server, "another", ["x"])
    let lists = try lists(server)
    let found = try await take(60, lists, atMost: 1)
    #expect(Set(text(found)).count == 60)
    try await lists.remove(found)
    try push(server, "mec_list:new", ["late"])
    #expect(text(try await take(1, lists)) == ["late"])
    #expect(try keys(server, "another") == ["another"])
    await lists.close()
  }

  @Test func `the prefix means itself, whatever it has of patterns`() async throws {
    let server = try await RedisServer.start()
    try push(server, "m[e]*?c\\:1", ["yes"])
    try push(server, "me-anything-c:1", ["no"])
    let lists = try lists(server, prefix: "m[e]*?c\\:")
    #expect(text(try await take(1, lists)) == ["yes"])
    #expect(try await lists.take(atMost: 10).entries.isEmpty)
    await lists.close()
  }

  @Test(arguments: ["m", "medispatcher:recovering:", "r", "mec_list:"])
  func `no list of a process is taken for a recover list, whatever the prefix`(prefix: String) async throws {
    let server = try await RedisServer.start()
    try push(server, prefix + "x", ["e"])
    let first = try lists(server, prefix: prefix)
    #expect(try await take(1, first).count == 1)
    let second = try lists(server, prefix: prefix)
    #expect(try await second.take(atMost: 10).entries.isEmpty)
    #expect(try keys(server).allSatisfy { !$0.hasPrefix(prefix) })
    await first.close()
    await second.close()
  }

  @Test func `what goes back is at the end that is read next, and gone here`() async throws {
    let server = try await RedisServer.start()
    try push(server, "mec_list:a", ["1", "2", "3"])
    let lists = try lists(server)
    let entries = try await lists.take(atMost: 2).entries
    #expect(text(entries) == ["1", "2"])
    #expect(try await lists.putBack(entries) == [nil, nil])
    #expect(Set(try server.command("LRANGE", "mec_list:a", "0", "-1")) == ["1", "2", "3"])
    #expect(try keys(server) == ["mec_list:a"])
    await lists.close()
  }

  @Test func `a list that refuses what goes back leaves it in hand`() async throws {
    let server = try await RedisServer.start()
    try push(server, "mec_list:a", ["1"])
    let lists = try lists(server)
    let entries = try await lists.take(atMost: 2).entries
    _ = try server.command("SET", "mec_list:a", "no list")
    #expect(try await lists.putBack(entries).first??.contains("WRONGTYPE") == true)
    #expect(try keys(server, "medispatcher:*").count == 1)
    try await lists.remove(entries)
    #expect(try keys(server, "medispatcher:*").isEmpty)
    await lists.close()
  }

  @Test func `a key of another type is passed over, and used once it is a list`() async throws {
    let server = try await RedisServer.start()
    _ = try server.command("SET", "mec_list:string", "x")
    _ = try server.command("HSET", "mec_list:hash", "a", "b")
    try push(server, "mec_list:z", ["e"])
    let lists = try lists(server)
    #expect(text(try await take(1, lists)) == ["e"])
    try await eventually("both were met") {
      _ = try await lists.take(atMost: 1)
      return lists.condition.strangers == 2
    }
    _ = try server.command("DEL", "mec_list:string")
    try push(server, "mec_list:string", ["now"])
    #expect(text(try await take(1, lists)) == ["now"])
    try await eventually("one is left") {
      _ = try await lists.take(atMost: 1)
      return lists.condition.strangers == 1
    }
    await lists.close()
  }

  @Test func `what a dead process had in hand is taken up once its sign of life is gone, by one alone`() async throws {
    let server = try await RedisServer.start()
    try push(server, "mec_list:a", (0..<50).map { "e\($0)" })
    let dead = try lists(server)
    #expect(try await dead.take(atMost: 20).entries.count == 20)
    #expect(try await dead.take(atMost: 20).entries.count == 20)
    // As after a KILL: nothing is taken back.
    dead.client.close()
    let others = [try lists(server), try lists(server)]
    var early: [RecoverEntry] = []
    for other in others { early += try await other.take(atMost: 100).entries }
    #expect(Set(text(early)) == Set((40..<50).map { "e\($0)" }))
    var found: [RecoverEntry] = []
    try await eventually("all are taken up", within: .seconds(40), every: .milliseconds(50)) {
      for other in others { found += try await other.take(atMost: 100).entries }
      return found.count >= 40
    }
    #expect(text(found).sorted() == (0..<40).map { "e\($0)" }.sorted())
    #expect(found.allSatisfy { $0.list == "mec_list:a" })
    for other in others { await other.close() }
  }

  @Test func `a process that lives keeps what it has in hand, though it takes nothing for long`() async throws {
    let server = try await RedisServer.start()
    try push(server, "mec_list:a", ["e"])
    let first = try lists(server)
    #expect(try await first.take(atMost: 1).entries.count == 1)
    // Its time runs out, and it is renewed just before the other looks.
    let alive = try #require(try server.command("KEYS", "medispatcher:recovering:alive:*").first)
    _ = try server.command("PEXPIRE", alive, "1")
    try await eventually("it is gone") { try server.command("EXISTS", alive) == ["0"] }
    try await first.keepAlive()
    let second = try lists(server)
    #expect(try await second.take(atMost: 10).entries.isEmpty)
    let life = try #require(try server.command("TTL", alive).first.flatMap { Int($0) })
    #expect((1...10).contains(life))
    await first.close()
    #expect(try server.command("EXISTS", alive) == ["0"])
    #expect(text(try await take(1, second)) == ["e"])
    await second.close()
  }

  @Test func `a batch whose answer is lost is read again, and no entry is lost or doubled`() async throws {
    let server = try await RedisServer.start()
    let proxy = try FaultProxy(to: server.port)
    try push(server, "mec_list:a", (0..<100).map { "e\($0)" })
    let lists = try lists(port: proxy.port)
    _ = try await lists.keepAlive()
    proxy.add(.cut(afterSeeing: "e5\r\n", .toClient))
    var found: [RecoverEntry] = []
    try await eventually("all come", within: .seconds(40)) {
      let entries = (try? await lists.take(atMost: 30).entries) ?? []
      found += entries
      if !entries.isEmpty { try await lists.remove(entries) }
      return found.count >= 100
    }
    #expect(proxy.cuts == 1)
    #expect(text(found).sorted() == (0..<100).map { "e\($0)" }.sorted())
    #expect(try keys(server).isEmpty)
    await lists.close()
  }

  @Test func `a removal whose answer is lost is made good, and takes no equal entry along`() async throws {
    let server = try await RedisServer.start()
    let proxy = try FaultProxy(to: server.port)
    try push(server, "mec_list:a", ["same", "same", "same", "other"])
    let lists = try lists(port: proxy.port)
    let entries = try await lists.take(atMost: 10).entries
    #expect(entries.count == 4)
    proxy.add(
      .custom(.toClient, times: 1) { piece in
        // The answer to LREM.
        piece == Array(":1\r\n".utf8) ? .cut(after: 0) : .forward
      })
    await #expect(throws: RedisError.self) { try await lists.remove([entries[0]]) }
    proxy.removeAllRules()
    try await eventually("it is made good") {
      _ = try await lists.take(atMost: 10)
      return true
    }
    let own = try #require(try keys(server, "medispatcher:*").first)
    #expect(try server.command("LRANGE", own, "0", "-1").sorted() == ["other", "same", "same"])
    try await lists.remove(Array(entries.dropFirst()))
    #expect(try keys(server).isEmpty)
    await lists.close()
  }

  @Test func `a server without memory is emptied all the same`() async throws {
    let server = try await RedisServer.start()
    let entries = (0..<2_000).map { "e\($0)-" + String(repeating: "x", count: 500) }
    for start in stride(from: 0, to: 2_000, by: 100) {
      try push(server, "mec_list:a", Array(entries[start..<start + 100]))
    }
    _ = try server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    _ = try server.command("CONFIG", "SET", "maxmemory", "1mb")
    #expect(throws: (any Error).self) { try push(server, "mec_list:a", ["more"]) }
    let lists = try lists(server)
    var found: [RecoverEntry] = []
    try await eventually("all come", within: .seconds(60)) {
      let batch = try await lists.take(atMost: 300).entries
      found += batch
      try await lists.remove(batch)
      return found.count >= 2_000
    }
    #expect(text(found) == entries)
    #expect(try keys(server).isEmpty)
    await lists.close()
  }

  @Test func `without LMOVE the older command does the same`() async throws {
    let server = try await RedisServer.start()
    _ = try server.command("ACL", "SETUSER", "default", "-lmove", "-command")
    try push(server, "mec_list:a", ["1", "2", "3"])
    let lists = try lists(server)
    let entries = try await lists.take(atMost: 10).entries
    #expect(text(entries) == ["1", "2", "3"])
    try await lists.remove(entries)
    #expect(try keys(server).isEmpty)
    await lists.close()
  }

  @Test func `an entry that is too large to be read is put aside, and the others come`() async throws {
    let server = try await RedisServer.start()
    try push(server, "mec_list:a", ["1", "2", String(repeating: "x", count: 100_000), "3", "4"])
    let lists = try lists(port: server.port, replyBytes: 50_000)
    var found: [String] = []
    var limit = 4
    try await eventually("the others come") {
      do {
        let entries = try await lists.take(atMost: limit).entries
        found += text(entries)
        try await lists.remove(entries)
      } catch {
        limit = 1
      }
      return found.count >= 4
    }
    #expect(found.sorted() == ["1", "2", "3", "4"])
    #expect(lists.condition.setAside == 1)
    let aside = try keys(server)
    #expect(aside.count == 1)
    #expect(aside[0].hasPrefix("medispatcher:recovering:aside:"))
    #expect(try server.command("LRANGE", aside[0], "0", "-1").first?.count == 100_000)
    await lists.close()
  }

  @Test(arguments: [
    "-LOADING Redis is loading the dataset in memory\r\n", "-READONLY You can't write against a read only replica.\r\n",
    "-MOVED 3999 127.0.0.1:6381\r\n", "-MASTERDOWN Link with MASTER is down\r\n",
    "-BUSY Redis is busy running a script\r\n",
    "-MISCONF Redis is configured to save RDB snapshots\r\n", ":1\r\n", "$-1\r\n", "*-1\r\n", "+OK\r\n", "garbage\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "*2147483647\r\n", "$99999999999\r\n",
    "*-7\r\n",
  ])
  func `whatever a server answers instead, nothing is lost, and it goes on when the server does`(answer: String)
    async throws
  {
    let server = try await RedisServer.start()
    let proxy = try FaultProxy(to: server.port)
    try push(server, "mec_list:a", (0..<20).map { "e\($0)" })
    let lists = try lists(port: proxy.port)
    var found = try await lists.take(atMost: 5).entries
    #expect(found.count == 5)
    let rule = proxy.add(
      .custom(.toClient) { piece in
        // As many answers as there were, of whatever kind.
        .replace(Array(repeating: Array(answer.utf8), count: max(piece.count(where: { $0 == 10 }), 1)).flatMap(\.self))
      })
    for _ in 0..<3 { found += (try? await lists.take(atMost: 5).entries) ?? [] }
    try? await lists.remove(Array(found.prefix(1)))
    proxy.remove(rule)
    try await eventually("all come", within: .seconds(40)) {
      found += (try? await lists.take(atMost: 5).entries) ?? []
      return Set(text(found)).isSuperset(of: (0..<20).map { "e\($0)" })
    }
    await lists.close()
  }
}
