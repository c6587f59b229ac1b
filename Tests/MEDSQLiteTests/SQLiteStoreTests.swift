import Foundation
import Logging
import MEDCore
import StoreConformance
import Testing

@testable import MEDSQLite

@Suite("§7 SQLite store")
struct SQLiteStoreTests {
  @Test func `it does what every store has to do`() async throws {
    let place = Place()
    try await expectConformance(of: place.store())
  }

  @Test func `it does so on tables made by a tool`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema)
    try await expectConformance(of: place.store())
  }

  @Test func `it does so on tables made by hand, without keys and indexes, with more columns`() async throws {
    let place = Place()
    try place.sqlite3(
      """
      CREATE TABLE message_classes (class_key, class_id INT, note DEFAULT 'x');
      CREATE TABLE subscribers (subscriber_id INT PRIMARY KEY, subscriber_key VARCHAR(20));
      CREATE TABLE subscriptions (subscription_id BIGINT, message_class_id VARCHAR(9), subscriber_id TEXT, owner TEXT,
        reception_channel CHAR(255), status VARCHAR(4) DEFAULT '0');
      CREATE TABLE subscription_params (param_value NUMERIC, param_name, subscription_id TEXT);
      """)
    try await expectConformance(of: place.store())
    let tables = try place.sqlite3("SELECT group_concat(name) FROM pragma_table_info('subscriptions');")
    #expect(tables == "subscription_id,message_class_id,subscriber_id,owner,reception_channel,status")
    #expect(try place.sqlite3("SELECT count(*) FROM sqlite_master WHERE name = 'broadcast_failure_log';") == "1")
  }

  @Test func `the schema is made once, in WAL mode, and is what schemaSQL prints`() async throws {
    let place = Place()
    try await place.store().open()
    let made = try place.sqlite3(".schema")
    try await place.store().open()
    #expect(try place.sqlite3(".schema") == made)
    #expect(try place.sqlite3("PRAGMA journal_mode;") == "wal")
    let printed = Place()
    try printed.sqlite3(SQLiteStore.schemaSQL)
    #expect(try printed.sqlite3(".schema") == made.replacingOccurrences(of: "IF NOT EXISTS ", with: ""))
  }

  @Test func `what another process writes is noticed, and an unchanged file is not read`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    let store = place.store()
    var version = try #require(try await store.subscriptions(changedSince: nil)).version
    #expect(try await store.subscriptions(changedSince: version) == nil)

    try place.sqlite3("INSERT INTO subscription_params VALUES (2, 'Concurrency', '9');")
    let changed = try #require(try await store.subscriptions(changedSince: version))
    #expect(changed.subscriptions.map(\.parameters) == [[:], ["Concurrency": "9"]])
    version = changed.version
    #expect(try await store.subscriptions(changedSince: version) == nil)

    try place.sqlite3("UPDATE subscriptions SET status = 1 WHERE subscription_id = 1;")
    #expect(try await store.subscriptions(changedSince: version)?.subscriptions.map(\.id) == [2])
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [2])
  }

  @Test func `rows of the failure log change nothing for subscriptions`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    let store = place.store()
    let version = try #require(try await store.subscriptions(changedSince: nil)).version
    try place.sqlite3("INSERT INTO broadcast_failure_log (job_id) VALUES ('1-2-3');")
    #expect(try await store.subscriptions(changedSince: version) == nil)
    try place.sqlite3("UPDATE message_classes SET class_key = 'other';")
    #expect(try await store.subscriptions(changedSince: version)?.subscriptions.map(\.topic) == ["other", "other"])
  }

  @Test func `rows that can't be used are passed over`() async throws {
    let place = Place()
    try place.sqlite3(
      """
      CREATE TABLE message_classes (class_id, class_key);
      CREATE TABLE subscriptions (subscription_id, message_class_id, subscriber_id, reception_channel, status);
      CREATE TABLE subscription_params (subscription_id, param_name, param_value);
      INSERT INTO message_classes VALUES (1, 't'), (2, NULL), (3, X'FF'), (4, '');
      INSERT INTO subscriptions VALUES ('x', 1, 1, 'http://a/', 0), (NULL, 1, 1, 'http://a/', 0),
        (1.5, 1, 1, 'http://a/', 0), (9e99, 1, 1, 'http://a/', 0), (X'00', 1, 1, 'http://a/', 0),
        (10, 2, 1, 'http://a/', 0), (11, 4, 1, 'http://a/', 0), (12, 77, 1, 'http://a/', 0),
        (13, 1, 1, 'http://a/', NULL), (14, 1, 'nobody', NULL, 0), ('15', 1, 1, 42, '0'), (16, 1, 1, 'http://a/', 0);
      INSERT INTO subscription_params VALUES (16, NULL, '1'), (NULL, 'Concurrency', '1'), (16, 'A', NULL),
        (16, 'B', 5.0), (16, 'C', 2.5), (16, 'D', 7), ('16', 'E', X'41'), (99, 'Concurrency', '1');
      """)
    let store = place.store()
    let read = try #require(try await store.subscriptions(changedSince: nil)).subscriptions
    #expect(Set(read.map(\.id)) == [14, 15, 16])
    #expect(read.first { $0.id == 14 }?.receptionChannel == "")
    #expect(read.first { $0.id == 15 }?.receptionChannel == "42")
    #expect(read.first { $0.id == 16 }?.parameters == ["B": "5", "C": "2.5", "D": "7", "E": "A"])
    #expect(Set(try await store.subscriptions(ofTopic: "t").map(\.id)) == [14, 15, 16])
    let problems = try await store.check()
    #expect(problems.contains("subscription 12: no message class, or one without a key"))
    #expect(problems.contains { $0.contains("of subscriptions that don't exist") })
  }

  @Test func `a sound file has nothing to be looked at`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    #expect(try await place.store().check() == [])
  }

  @Test func `a file that isn't a database is a store that is down, until it is one`() async throws {
    let place = Place()
    try Data(repeating: 0x41, count: 5_000).write(to: URL(fileURLWithPath: place.path))
    let store = place.store()
    let error = try #require(await #expect(throws: StoreError.self) { _ = try await store.subscriptions(ofTopic: "t") })
    #expect(error.code == .corrupt)
    #expect(error.disposition == .retry)
    try FileManager.default.removeItem(atPath: place.path)
    #expect(try await store.subscriptions(ofTopic: "t").isEmpty)
  }

  @Test func `a directory that isn't there is a store that is down`() async throws {
    let place = Place()
    let store = SQLiteStore(path: place.directory + "/missing/file", logger: Place.logger)
    let error = try #require(
      await #expect(throws: StoreError.self) { _ = try await store.subscriptions(changedSince: nil) })
    #expect(error.code == .unavailable)
  }

  @Test func `a file that vanishes is an outage, not an empty store`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    let store = place.store()
    let version = try #require(try await store.subscriptions(changedSince: nil)).version
    try FileManager.default.moveItem(atPath: place.path, toPath: place.path + ".away")
    await #expect(throws: StoreError.self) { _ = try await store.subscriptions(changedSince: version) }
    await #expect(throws: StoreError.self) { _ = try await store.subscriptions(ofTopic: "t") }
    await #expect(throws: StoreError.self) {
      _ = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
    }
    #expect(!FileManager.default.fileExists(atPath: place.path))
    try FileManager.default.moveItem(atPath: place.path + ".away", toPath: place.path)
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [1, 2])
  }

  @Test func `a file that is replaced is read anew`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    let store = place.store()
    let version = try #require(try await store.subscriptions(changedSince: nil)).version
    let other = Place()
    try other.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    try other.sqlite3("DELETE FROM subscriptions WHERE subscription_id = 2;")
    for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: place.path + suffix) }
    _ = rename(other.path, place.path)
    #expect(try await store.subscriptions(changedSince: version)?.subscriptions.map(\.id) == [1])
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [1])
  }

  @Test func `tables without a column that is needed are named`() async throws {
    let place = Place()
    try place.sqlite3("CREATE TABLE subscriptions (subscription_id INTEGER PRIMARY KEY, status INT);")
    let error = try #require(await #expect(throws: StoreError.self) { try await place.store().open() })
    #expect(error.code == .schema)
    #expect(error.message.contains("message_class_id"))
  }

  @Test func `reading goes on while another process writes`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    let store = place.store()
    try await store.open()
    let other = try place.begin("BEGIN IMMEDIATE; DELETE FROM subscriptions; SELECT 'locked';")
    #expect(other.line() == "locked")
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [1, 2])
    let version = try #require(try await store.subscriptions(changedSince: nil)).version
    other.end("COMMIT;")
    #expect(try await store.subscriptions(changedSince: version)?.subscriptions == [])
  }

  @Test func `a lock that others keep for 5 s makes the store one that is down, until they let go`() async throws {
    #expect(Place().store().writer.busyTimeout == 5)
    let place = Place()
    try place.sqlite3(Place.toolSchema + Place.twoSubscriptions)
    let store = SQLiteStore(path: place.path, busyTimeout: 0.05, logger: Place.logger)
    let before = try place.begin("BEGIN EXCLUSIVE; SELECT 'locked';")
    #expect(before.line() == "locked")
    for _ in 0..<2 {
      let error = try #require(
        await #expect(throws: StoreError.self) { _ = try await store.subscriptions(changedSince: nil) })
      #expect(error.code == .busy)
      #expect(error.disposition == .retry)
    }
    before.end("COMMIT;")
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [1, 2])

    let other = try place.begin("BEGIN IMMEDIATE; SELECT 'locked';")
    #expect(other.line() == "locked")
    let error = try #require(
      await #expect(throws: StoreError.self) {
        _ = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
      })
    #expect(error.code == .busy)
    other.end("COMMIT;")
    #expect(try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s") == 3)
  }

  @Test func `a subscription that gets the id of a deleted one gets nothing else of it`() async throws {
    let place = Place()
    try place.sqlite3(
      """
      CREATE TABLE subscriptions (subscription_id INT, message_class_id INT, subscriber_id INT, reception_channel TEXT,
        status INT DEFAULT 0);
      CREATE TABLE subscription_params (subscription_id INT, param_name TEXT, param_value TEXT);
      INSERT INTO subscription_params VALUES (1, 'Concurrency', '8');
      """)
    let store = place.store()
    let id = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
    #expect(id == 1)
    #expect(try await store.subscriptions(ofTopic: "t").map(\.parameters) == [[:]])
  }
}

/// A database file in a directory of its own, and the sqlite3 program as the other process.
final class Place {
  static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  /// As a tool that knows the tables of SPEC §7 makes them, without the columns that dispatching doesn't need.
  static let toolSchema = """
    CREATE TABLE message_classes (class_id INTEGER PRIMARY KEY AUTOINCREMENT, class_key TEXT NOT NULL DEFAULT '',
      class_name TEXT NOT NULL DEFAULT '');
    CREATE TABLE subscribers (subscriber_id INTEGER PRIMARY KEY AUTOINCREMENT, subscriber_key TEXT NOT NULL DEFAULT '',
      subscriber_name TEXT NOT NULL DEFAULT '');
    CREATE TABLE subscriptions (subscription_id INTEGER PRIMARY KEY AUTOINCREMENT, message_class_id INTEGER NOT NULL,
      subscriber_id INTEGER NOT NULL, reception_channel TEXT NULL, status INTEGER NOT NULL DEFAULT 0,
      subscribe_time INTEGER NOT NULL DEFAULT 0, timeout INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE subscription_params (subscription_id INTEGER NOT NULL, param_name TEXT NOT NULL DEFAULT '',
      param_value TEXT NOT NULL DEFAULT '');
    CREATE TABLE broadcast_failure_log (log_id INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL DEFAULT '');
    CREATE UNIQUE INDEX u_class_key ON message_classes (class_key);
    CREATE INDEX i_class ON subscriptions (message_class_id);
    CREATE UNIQUE INDEX u_params ON subscription_params (subscription_id, param_name);

    """
  static let twoSubscriptions = """
    INSERT INTO message_classes VALUES (1, 't', 't');
    INSERT INTO subscribers VALUES (1, 's', 's');
    INSERT INTO subscriptions VALUES (1, 1, 1, 'http://127.0.0.1/1', 0, 0, 0), (2, 1, 1, 'http://127.0.0.1/2', 0, 0, 0);

    """

  let directory: String
  var path: String { directory + "/store.sqlite" }

  init() {
    directory = NSTemporaryDirectory() + "medispatcher-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func store() -> SQLiteStore { SQLiteStore(path: path, logger: Self.logger) }

  @discardableResult
  func sqlite3(_ sql: String) throws -> String {
    let session = try begin(sql)
    return session.end("")
  }

  func begin(_ sql: String) throws -> Session {
    let session = Session()
    session.process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    session.process.arguments = ["sqlite3", "-bail", path]
    session.process.standardInput = session.input
    session.process.standardOutput = session.output
    try session.process.run()
    session.send(sql)
    return session
  }

  final class Session {
    let process = Process()
    let input = Pipe()
    let output = Pipe()

    func send(_ sql: String) { input.fileHandleForWriting.write(Data((sql + "\n").utf8)) }

    func line() -> String {
      String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @discardableResult
    func end(_ sql: String) -> String {
      send(sql)
      try? input.fileHandleForWriting.close()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
