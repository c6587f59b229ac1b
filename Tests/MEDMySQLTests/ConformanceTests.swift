import MEDCore
import MEDMySQL
import MEDTestSupport
import StoreConformance
import Testing

@Suite("§7 MySQL store: what every store has to do", .showsServerOutput)
struct ConformanceTests {
  @Test(arguments: [1, 2, 3, 4, 10])
  func `it does so on the printed schema, with few connections and with many`(connections: Int) async throws {
    let database = try await TestDatabase.make()
    let store = try database.store(connections: connections)
    try await expectConformance(of: store)
    try await expectConformance(of: store) { try await database.failures($0) }
    await store.close()
  }

  @Test func `it does so over a Unix socket`() async throws {
    let database = try await TestDatabase.make()
    var configuration = database.configuration()
    configuration.host = database.server.socketPath
    let store = try MySQLStore(configuration, logger: TestDatabase.logger)
    try await expectConformance(of: store)
    await store.close()
  }

  @Test func `it does so on tables made by hand, without keys and indexes, with more columns and other types`()
    async throws
  {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE message_classes (class_key VARBINARY(99), class_id BIGINT, note CHAR(9) DEFAULT 'x');
        CREATE TABLE subscribers (subscriber_id INT PRIMARY KEY, subscriber_key VARCHAR(20)) DEFAULT CHARSET latin1;
        CREATE TABLE subscriptions (subscription_id VARCHAR(20), message_class_id DECIMAL(9, 2), subscriber_id DOUBLE,
          Owner TEXT, reception_channel BLOB, Status VARCHAR(4) DEFAULT '0', subscribe_time TIMESTAMP NULL,
          timeout SMALLINT) DEFAULT CHARSET latin1 COLLATE latin1_german1_ci;
        CREATE TABLE subscription_params (param_value MEDIUMTEXT, param_name VARBINARY(40), subscription_id VARCHAR(9))
          DEFAULT CHARSET utf8;
        """)
    let store = try database.store()
    try await expectConformance(of: store)
    #expect(
      try await database.sql("SELECT COUNT(*) FROM subscriptions WHERE subscribe_time > '2020-01-01'") == "3\n",
      "a date where ours have seconds")
    await store.close()
  }

  @Test func `the failure log does so on a table made by hand`() async throws {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE broadcast_failure_log (job_id VARCHAR(99), log_id BIGINT, note CHAR(9) DEFAULT 'x', alive INT,
          message_class_id INT, subscriber_id VARCHAR(20), subscription_id VARCHAR(20), message_body MEDIUMBLOB,
          time BIGINT, message_time DECIMAL(20, 2), first_failure_message TEXT, last_failure_message MEDIUMTEXT,
          last_target CHAR(255), retry_times BIGINT, last_retry_time DOUBLE, Final_Status TINYINT NOT NULL)
          DEFAULT CHARSET utf8mb4;
        """)
    let store = try database.store()
    try await expectConformance(of: store) { try await database.failures($0) }
    await store.close()
  }

  @Test func `failures are looked at on the printed schema`() async throws {
    let database = try await TestDatabase.make()
    try await database.sql("INSERT INTO message_classes (class_id, class_key) VALUES (3, 'paid'), (9, 'Paid');")
    let store = try database.store()
    try await expectReadingConformance(of: store, topicID: 3)
    await store.close()
  }

  @Test func `failures are looked at in tables made by hand, with other types, dates and fewer columns`() async throws {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE message_classes (class_id DECIMAL(9, 2), class_key VARCHAR(20)) DEFAULT CHARSET latin1;
        INSERT INTO message_classes VALUES (3, 'paid'), (9, 'PAID');
        CREATE TABLE broadcast_failure_log (Log_ID INT, job_id VARCHAR(99), note CHAR(9) DEFAULT 'x', alive VARCHAR(5),
          message_class_id VARCHAR(9), subscriber_id VARCHAR(20), subscription_id DOUBLE, message_body MEDIUMBLOB,
          time DATETIME, message_time DECIMAL(20, 6), first_failure_message BLOB, last_target CHAR(255),
          Final_Status FLOAT NULL) DEFAULT CHARSET latin1;
        """)
    let store = try database.store()
    try await expectReadingConformance(of: store, topicID: 3)
    try await database.sql(
      "UPDATE broadcast_failure_log SET alive = NULL, final_status = NULL, message_class_id = NULL")
    let page = try await store.failures(FailureQuery())
    #expect(page.records.allSatisfy { $0.state == .givenUp && $0.topic.isEmpty && $0.retryTimes == 0 })
    var query = FailureQuery()
    query.state = .givenUp
    #expect(try await store.failures(query) == page)
    await store.close()
  }

  @Test func `a look at failures is bounded by rows, and a message of any length is shown`() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      INSERT INTO broadcast_failure_log (log_id, subscription_id) SELECT seq, IF(seq = 5, 7, 8) FROM seq_1_to_50000;
      UPDATE broadcast_failure_log SET message_body = CONCAT('"', REPEAT('x', 3000000), '"') WHERE log_id = 5;
      """)
    let store = try database.store()
    var query = FailureQuery()
    query.subscription = 7
    var looks: [Int] = []
    repeat {
      let page = try await store.failures(query)
      looks.append(page.records.count)
      query.before = page.next
    } while query.before != nil
    #expect(looks == [0, 0, 1])
    #expect(try await store.failure(5)?.message?.utf8.count == 3_000_002)
    #expect(try await store.failure(50_001) == nil)
    await store.close()
  }

  @Test func `without a table of failures a look at them says so`() async throws {
    let database = try await TestDatabase.make(schema: "CREATE TABLE nothing (id INT);")
    let store = try database.store()
    for schema in ["", "CREATE TABLE broadcast_failure_log (job_id INT);"] {
      if !schema.isEmpty { try await database.sql(schema) }
      let error = try #require(await #expect(throws: StoreError.self) { _ = try await store.failures(FailureQuery()) })
      #expect(error.code == .schema)
    }
    await store.close()
  }

  @Test func `columns that a failure table doesn't have are left out`() async throws {
    let database = try await TestDatabase.make(
      schema: "CREATE TABLE broadcast_failure_log (log_id INT AUTO_INCREMENT PRIMARY KEY, job_id VARCHAR(64));")
    let store = try database.store()
    let entry = FailureEntry(subscription: 7, jobID: "1-2-7", time: 5, firstFailure: "first")
    var end = entry
    end.end = .delivered
    #expect(try await store.write([entry, end, entry]) == [1, 1, 1])
    end.logID = 1
    #expect(try await store.write([end]) == [1])
    #expect(try await database.sql("SELECT * FROM broadcast_failure_log") == "1\t1-2-7\n")
    await store.close()
  }
}
