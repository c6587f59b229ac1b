import MEDCore
import MEDTestSupport
import Testing

@testable import MEDMySQL

@Suite("§7 Failure log in MySQL", .showsServerOutput)
struct FailureTableTests {
  /// msgpack: {"MsgKey": "t", "Body": "x…"}
  private static func message(body count: Int) -> [UInt8] {
    var bytes: [UInt8] = [0x82, 0xA6] + Array("MsgKey".utf8) + [0xA1, 0x74, 0xA4] + Array("Body".utf8)
    bytes += [0xDB] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    return bytes + [UInt8](repeating: 0x78, count: count)
  }

  private static func entry(_ jobID: String, text: String = "first", body: Int = 10) -> FailureEntry {
    FailureEntry(
      subscription: 7, jobID: jobID, topicID: 3, subscriberID: 4, messageTime: 1_700_000_000.75,
      message: message(body: body), time: 1_700_000_001, firstFailure: text, lastFailure: text, lastTarget: "http://a/",
      retryTimes: 3, lastRetryTime: 1_700_000_002)
  }

  @Test func `a table of an older time holds what it can: shorter texts, other character sets, dates`() async throws {
    let database = try await TestDatabase.make(
      schema: """
        SET sql_mode = 'STRICT_ALL_TABLES';
        CREATE TABLE broadcast_failure_log (log_id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
          message_class_id INT UNSIGNED, subscriber_id INT UNSIGNED, subscription_id INT UNSIGNED NOT NULL,
          message_body TEXT, time DATETIME NOT NULL, message_time INT NOT NULL,
          first_failure_message VARCHAR(20) CHARACTER SET utf8, last_failure_message VARCHAR(20) CHARACTER SET gbk,
          last_target VARCHAR(5) CHARACTER SET latin1, job_id VARCHAR(20) NOT NULL, retry_times TINYINT UNSIGNED,
          last_retry_time TIMESTAMP NULL, final_status TINYINT, alive TINYINT, KEY (job_id)) ENGINE=InnoDB;
        """)
    try await database.server.execute("SET GLOBAL sql_mode = 'STRICT_ALL_TABLES'")
    let store = try database.store()
    var entry = Self.entry("1700000000.000000-5-7", text: "ä订🎈" + String(repeating: "y", count: 5_000), body: 70_000)
    entry.retryTimes = .max
    #expect(try await store.write([entry]) == [1])
    #expect(try await store.write([entry]) == [1], "a jobid that was cut is found again")
    let row = try #require(try await database.failures("1700000000.000000-5-").first)
    #expect(row["first_failure_message"] == "ä订\u{FFFD}" + String(repeating: "y", count: 17))
    #expect(row["last_failure_message"] == "???" + String(repeating: "y", count: 17))
    #expect(row["last_target"] == "http:")
    #expect(row["message_body"] == "null", "half of JSON is none")
    #expect(row["message_time"] == "1700000000")
    #expect(row["retry_times"] == "255")
    #expect(
      try await database.sql("SELECT UNIX_TIMESTAMP(time), UNIX_TIMESTAMP(last_retry_time) FROM broadcast_failure_log")
        == "1700000001\t1700000002\n")
    var fresh = Self.entry("2-5-7", text: "订单")
    fresh.lastRetryTime = 0
    fresh.messageTime = .infinity
    #expect(try await store.write([fresh]) == [2])
    let second = try #require(try await database.failures("2-5-7").first)
    #expect(second["last_retry_time"] == "", "there is no date for what never was")
    #expect(second["last_failure_message"] == "订单", "what the character set has is kept")
    await store.close()
  }

  @Test func `a message that is longer than a packet of the server leaves a row without it`() async throws {
    let server = try await MariaDBServer.start(["--max-allowed-packet=1M"])
    let database = try await TestDatabase.make(on: server)
    let store = try database.store()
    let entries = [Self.entry("1-1-7"), Self.entry("1-2-7", body: 3 << 20), Self.entry("1-3-7", body: 400_000)]
    #expect(try await store.write(entries) == [1, 2, 3])
    #expect(
      try await database.sql("SELECT LENGTH(message_body) FROM broadcast_failure_log ORDER BY log_id")
        == "12\n4\n400002\n")
    await store.close()
  }

  @Test(arguments: ["log_id INT PRIMARY KEY", "job_id TEXT"])
  func `a table without log_id or job_id is a store that must be mended`(column: String) async throws {
    let database = try await TestDatabase.make(
      schema: "CREATE TABLE broadcast_failure_log (\(column), alive INT);")
    let store = try database.store()
    for _ in 0..<2 {
      let error = try #require(
        await #expect(throws: StoreError.self) {
          _ = try await store.write([FailureEntry(subscription: 1, jobID: "1")])
        })
      #expect(error.code == .schema)
      #expect(error.disposition == .retry)
    }
    try await database.sql("DROP TABLE broadcast_failure_log;\n" + MySQLStore.schemaSQL)
    #expect(try await store.write([FailureEntry(subscription: 1, jobID: "1")]) == [1], "once it is mended")
    await store.close()
  }

  @Test func `a batch is written as a whole or not at all, and a refused entry is told from a store that is down`()
    async throws
  {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE broadcast_failure_log (log_id INT AUTO_INCREMENT PRIMARY KEY, job_id VARCHAR(64), alive INT,
          CHECK (job_id <> 'bad')) ENGINE=InnoDB;
        """)
    let store = try database.store()
    let error = try #require(
      await #expect(throws: StoreError.self) {
        _ = try await store.write(["a", "bad", "b"].map { FailureEntry(subscription: 1, jobID: $0) })
      })
    #expect(error.code == .constraint)
    #expect(error.disposition == .fatal)
    #expect(try await database.sql("SELECT COUNT(*) FROM broadcast_failure_log") == "0\n")
    #expect(try await store.write([FailureEntry(subscription: 1, jobID: "a")]).count == 1)
    await store.close()
  }

  @Test func `an id beyond what can be counted is an error that says so`() async throws {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE broadcast_failure_log (log_id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, job_id VARCHAR(64));
        INSERT INTO broadcast_failure_log VALUES (18446744073709551614, 'old');
        """)
    let store = try database.store()
    for job in ["old", "new"] {
      let error = try #require(
        await #expect(throws: StoreError.self) {
          _ = try await store.write([FailureEntry(subscription: 1, jobID: job)])
        })
      #expect(error.disposition == .fatal || error.code == .unavailable, "\(error)")
    }
    var hint = FailureEntry(subscription: 1, jobID: "hint")
    hint.logID = .max
    await #expect(throws: StoreError.self) { _ = try await store.write([hint]) }
    await store.close()
  }

  @Test func `many rows are looked for with few statements, and each is found once`() async throws {
    let database = try await TestDatabase.make()
    let store = try database.store()
    let entries = (0..<1_300).map { FailureEntry(subscription: $0 % 3, jobID: "\($0)-1", firstFailure: "f") }
    let ids = try await store.write(entries)
    #expect(Set(ids).count == 1_300)
    #expect(try await store.write(entries.reversed()) == ids.reversed())
    #expect(try await database.sql("SELECT COUNT(*) FROM broadcast_failure_log") == "1300\n")
    await store.close()
  }

  @Test func `what a column holds`() {
    func column(_ type: String, unsigned: Bool = false, characters: Int? = nil, bytes: Int? = nil) -> TableColumn {
      TableColumn(
        name: "c", dataType: type, isUnsigned: unsigned, maximumCharacters: characters, maximumBytes: bytes,
        characterSet: "utf8mb4", givesIDs: false)
    }
    let short = column("varchar", characters: 3, bytes: 12)
    #expect(short.fitted("abc") == "abc")
    #expect(short.fitted("abcd") == "abc")
    #expect(short.fitted("äöü") == "äöü")
    #expect(short.fitted("äöüß", atMostBytes: 5) == "äö")
    #expect(short.holds("🎈🎈🎈") && !short.holds("🎈🎈🎈🎈"))
    #expect(column("text", characters: 4, bytes: 4).fitted("a🎈") == "a")
    #expect(column("tinyint").clamped(.max) == 127 && column("tinyint").clamped(.min) == -128)
    #expect(column("tinyint", unsigned: true).clamped(300) == 255 && column("int", unsigned: true).clamped(-1) == 0)
    #expect(column("int", unsigned: true).clamped(.max) == 4_294_967_295)
    #expect(column("bigint").clamped(.min) == .min && column("bigint", unsigned: true).clamped(.max) == .max)
  }
}
