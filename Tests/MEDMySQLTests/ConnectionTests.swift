import MEDCore
import MEDTestSupport
import Testing

import class MEDLoop.ConnectionBreaker

@testable import MEDMySQL

@Suite("§7 MySQL store: connections and what breaks them", .showsServerOutput)
struct ConnectionTests {
  private func refused(_ body: () async throws -> Void) async throws -> StoreError {
    try #require(await #expect(throws: StoreError.self) { try await body() })
  }

  @Test func `connections that the server has closed are made anew, unnoticed by who asks`() async throws {
    let database = try await TestDatabase.make(on: try await MariaDBServer.start())
    let store = try database.store()
    let id = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
    let version = try #require(try await store.subscriptions(changedSince: nil)).version
    for round in 0..<3 {
      // Killed as idle ones are, then with the server.
      if round < 2 {
        for line in try await database.sql("SELECT id FROM information_schema.processlist WHERE db = DATABASE()")
          .split(separator: "\n")
        {
          _ = try? await database.sql("KILL \(line)")
        }
      } else {
        try await database.server.restart()
      }
      #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [id])
      #expect(try await store.subscriptions(changedSince: version) == nil)
      try await store.setParameters(["Concurrency": "\(round + 1)"], of: id)
      try await store.setParameters(["Concurrency": nil], of: id)
      #expect(try await store.write([FailureEntry(subscription: id, jobID: "\(round)")]) == [round + 1])
    }
    await store.close()
  }

  @Test func `a server that is away is a store that is down, until it is there`() async throws {
    let database = try await TestDatabase.make(on: try await MariaDBServer.start())
    try await database.server.stop()
    let store = try database.store()
    let error = try await refused { _ = try await store.subscriptions(ofTopic: "t") }
    #expect(error.code == .unavailable)
    #expect(error.message.contains("127.0.0.1:\(database.server.port)/\(database.name)"))
    #expect(
      try await refused { _ = try await store.write([FailureEntry(subscription: 1, jobID: "1")]) }.code == .unavailable)
    try await database.server.start()
    try await eventually("it answers") { try await store.subscriptions(ofTopic: "t").isEmpty }
    await store.close()
  }

  @Test(arguments: [1, 10])
  func `a server that is frozen costs the read time-out, and no more`(connections: Int) async throws {
    let database = try await TestDatabase.make(on: try await MariaDBServer.start())
    let store = try database.store(connections: connections, options: "readTimeout=1s&writeTimeout=1s&timeout=1s")
    #expect(try await store.subscriptions(ofTopic: "t").isEmpty)
    database.server.process.pause()
    async let lookup = refused { _ = try await store.subscriptions(ofTopic: "t") }
    async let refresh = refused { _ = try await store.subscriptions(changedSince: nil) }
    async let row = refused { _ = try await store.write([FailureEntry(subscription: 1, jobID: "1")]) }
    for error in try await [lookup, refresh, row] { #expect(error.code == .unavailable) }
    database.server.process.resume()
    try await eventually("it answers again") { try await store.subscriptions(ofTopic: "t").isEmpty }
    await store.close()
  }

  @Test func `a stop breaks off what waits for a frozen server`() async throws {
    let database = try await TestDatabase.make(on: try await MariaDBServer.start())
    let store = try database.store(options: "readTimeout=1h")
    #expect(try await store.subscriptions(ofTopic: "t").isEmpty)
    database.server.process.pause()
    let lookup = Task { try await store.subscriptions(ofTopic: "t") }
    await store.close()
    await #expect(throws: StoreError.self) { _ = try await lookup.value }
    #expect(try await refused { _ = try await store.subscriptions(ofTopic: "t") }.message.contains("closed"))
    database.server.process.resume()
  }

  @Test(arguments: ["cut", "garbage", "nothing"])
  func `answers that are cut off, damaged or missing are errors, and the next connection is sound`(fault: String)
    async throws
  {
    let database = try await TestDatabase.make()
    let filler = try database.store()
    for number in 0..<20 {
      _ = try await filler.addSubscription(
        topic: "t", urls: ["http://a/\(number)/" + String(repeating: "x", count: 500)], subscriber: "s",
        parameters: ["Concurrency": "5"])
    }
    let proxy = try FaultProxy(to: database.server.port)
    let store = try database.store(options: "readTimeout=1s&timeout=1s", port: proxy.port)
    #expect(try await store.subscriptions(ofTopic: "t").count == 20)
    // Each part of the greeting, of the answer to the statement, of the rows.
    for offset in fault == "nothing" ? [0] : [0, 1, 3, 4, 5, 20, 60, 77, 90, 200, 500, 1_000, 2_000, 5_000] {
      proxy.cutAll()
      let seen = Locked(0)
      switch fault {
      case "cut": proxy.add(.cut(after: offset + 1, .toClient, times: 2))
      case "nothing": proxy.add(.custom(.toClient) { _ in .drop })
      default:
        proxy.add(
          .custom(.toClient) { piece in
            let before = seen.withLock { seen in
              defer { seen += piece.count }
              return seen
            }
            guard before <= offset, offset < before + piece.count else { return .forward }
            var damaged = piece
            for index in (offset - before)..<min(offset - before + 40, piece.count) { damaged[index] ^= 0xA5 }
            return .replace(damaged)
          })
      }
      // What comes of it is up to where it hits: an error, or an answer. It must end, and trap nowhere.
      _ = try? await store.subscriptions(ofTopic: "t")
      proxy.removeAllRules()
      proxy.cutAll()
      try await eventually("the next one is sound") { try await store.subscriptions(ofTopic: "t").count == 20 }
    }
    await store.close()
    await filler.close()
  }

  @Test func `rows whose commit got no answer are found by the next batch, and made once`() async throws {
    let database = try await TestDatabase.make()
    let proxy = try FaultProxy(to: database.server.port)
    let store = try database.store(options: "readTimeout=1s&timeout=1s", port: proxy.port)
    let entries = (0..<20).map { FailureEntry(subscription: 1, jobID: "\($0)-1", firstFailure: "f") }
    #expect(try await store.write([entries[0]]) == [1])
    let isCommitted = Locked(false)
    proxy.add(
      .custom(.toServer) { piece in
        if piece.firstRange(of: Array("COMMIT".utf8)) != nil { isCommitted.withLock { $0 = true } }
        return .forward
      })
    proxy.add(.custom(.toClient) { _ in isCommitted.withLock { $0 } ? .drop : .forward })
    #expect(try await refused { _ = try await store.write(entries) }.code == .unavailable)
    proxy.removeAllRules()
    try await eventually("it is written") { try await store.write(entries).count == 20 }
    #expect(try await database.sql("SELECT COUNT(*), COUNT(DISTINCT job_id) FROM broadcast_failure_log") == "20\t20\n")
    await store.close()
  }

  @Test func `no more connections are open than MaxConns allows, however many ask`() async throws {
    let database = try await TestDatabase.make()
    for (maximum, opened) in [(1, 1), (2, 2), (3, 3), (6, 6)] {
      let store = try database.store(connections: maximum)
      try await store.open()
      let most = Locked(0)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for _ in 0..<50 {
            let count = try await database.server.execute(
              "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '\(database.name)'")
            most.withLock { $0 = max($0, Int(count.dropLast()) ?? .max) }
          }
        }
        for number in 0..<400 {
          group.addTask {
            switch number % 10 {
            case 0: _ = try await store.write([FailureEntry(subscription: 1, jobID: "\(number)")])
            case 1: _ = try await store.subscriptions(changedSince: nil)
            default: _ = try await store.subscriptions(ofTopic: "t\(number)")
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(most.withLock { $0 } <= opened)
      await store.close()
      try await eventually("they are closed") {
        try await database.server.execute(
          "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '\(database.name)'") == "0\n"
      }
    }
  }

  @Test func `a row that others hold is waited for as long as a lock may last, then the store is busy`() async throws {
    let database = try await TestDatabase.make()
    let store = try database.store(options: "readTimeout=2s")
    let id = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s", parameters: ["A": "1"])
    let other = try MySQLConnector(database.configuration()).connect(ConnectionBreaker())
    try other.command("START TRANSACTION")
    try other.execute("UPDATE subscription_params SET param_value = ?", [.text("2")])
    let error = try await refused { try await store.setParameters(["A": "3"], of: id) }
    #expect(error.code == .busy)
    #expect(error.disposition == .retry)
    #expect(try await store.subscriptions(ofTopic: "t").map(\.parameters) == [["A": "1"]], "readers don't wait")
    try other.command("ROLLBACK")
    try await store.setParameters(["A": "3"], of: id)
    await store.close()
  }

  @Test func `no password is in an error or a description`() async throws {
    let database = try await TestDatabase.make()
    var configuration = database.configuration()
    configuration.user = "nobody"
    configuration.password = "k3y-of-the-house"
    let store = try MySQLStore(configuration, logger: TestDatabase.logger)
    let error = try await refused { try await store.open() }
    #expect(error.code == .unavailable)
    #expect(error.message.contains("nobody"))
    var dumped = ""
    dump(configuration, to: &dumped)
    dump(store, to: &dumped)
    dump(error, to: &dumped)
    for text in ["\(error)", "\(configuration)", "\(store)", String(reflecting: configuration), dumped] {
      #expect(!text.contains("k3y"))
    }
    let told = StoreError(
      mysql: MySQLServerError(code: 1045, sqlState: "28000"), "no 'k3y-of-the-house'\u{1B}[2J", at: "h",
      hiding: "k3y-of-the-house")
    #expect(told.message == "mysql h: no '(hidden)'?[2J (1045)")
    await store.close()
  }

  @Test func `an account and a database that aren't there are told`() async throws {
    let database = try await TestDatabase.make()
    var configuration = database.configuration()
    configuration.database = "nowhere"
    let store = try MySQLStore(configuration, logger: TestDatabase.logger)
    let error = try await refused { try await store.open() }
    #expect(error.code == .unavailable)
    #expect(error.message.contains("Unknown database 'nowhere'"))
    await store.close()
  }

  @Test func `many who ask a server that is away knock seldom`() throws {
    let pace = ConnectPace()
    let error = StoreError(.unavailable, "away")
    let start = ContinuousClock.now
    try pace.check(at: start)
    for _ in 0..<10 { pace.failed(error, at: start, random: 0) }
    #expect(throws: StoreError.self) { try pace.check(at: start + .milliseconds(49)) }
    try pace.check(at: start + .milliseconds(50))
    pace.failed(error, at: start + .milliseconds(50), random: 0)
    #expect(throws: StoreError.self) { try pace.check(at: start + .milliseconds(149)) }
    try pace.check(at: start + .milliseconds(150))
    #expect(ConnectPace.pause(afterFailures: 100, random: 0) == .seconds(1))
    #expect(ConnectPace.pause(afterFailures: 100, random: 1) == .milliseconds(500))
    pace.succeeded()
    try pace.check(at: start)
  }
}
