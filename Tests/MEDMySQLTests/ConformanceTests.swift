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
