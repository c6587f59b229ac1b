import Foundation
import Logging
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDMySQL

@Suite("§7 MySQL store: whatever the tables hold", .showsServerOutput)
struct HostileRowTests {
  @Test func `rows that can't be used are passed over, and the others are served`() async throws {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE message_classes (class_id INT, class_key VARBINARY(99));
        CREATE TABLE subscriptions (subscription_id BIGINT UNSIGNED, message_class_id INT, subscriber_id BIGINT UNSIGNED,
          reception_channel LONGBLOB, status INT);
        CREATE TABLE subscription_params (subscription_id BIGINT, param_name VARCHAR(64), param_value LONGBLOB);
        INSERT INTO message_classes VALUES (1, 't'), (2, NULL), (3, X'FF'), (4, '');
        INSERT INTO subscriptions VALUES (18446744073709551615, 1, 1, 'http://a/', 0), (NULL, 1, 1, 'http://a/', 0),
          (10, 2, 1, 'http://a/', 0), (11, 4, 1, 'http://a/', 0), (12, 77, 1, 'http://a/', 0), (13, 1, 1, 'x', 1),
          (14, 1, 1, 'x', NULL), (15, 3, 1, 'x', 0), (16, 1, 18446744073709551615, NULL, 0), (17, 1, NULL, X'FFFE41', 0),
          (18, 1, 1, REPEAT('x', 2000000), 0), (19, NULL, 1, 'x', 0), (9223372036854775807, 1, 1, '', 0);
        INSERT INTO subscription_params VALUES (16, NULL, '1'), (NULL, 'Concurrency', '1'), (16, 'A', NULL),
          (16, 'B', X'FF41'), (16, 'C', ''), (16, 'D', REPEAT('y', 2000000)), (16, 'E', REPEAT('z', 1048576)),
          (99, 'Concurrency', '1'), (-5, 'Concurrency', '1'), (16, '', 'x');
        """)
    let log = WarningLog()
    let store = try MySQLStore(
      database.configuration(), logger: Logger(label: "test", factory: { _ in log }))
    let read = try #require(try await store.subscriptions(changedSince: nil)).subscriptions
    #expect(read.map(\.id) == [15, 16, 17, .max])
    #expect(read.map(\.topic) == ["\u{FFFD}", "t", "t", "t"])
    #expect(read[1].subscriberID == 0)
    #expect(read[1].parameters.mapValues(\.utf8.count) == ["B": 4, "C": 0, "E": 1_048_576])
    #expect(read[2].receptionChannel == "\u{FFFD}\u{FFFD}A")
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [16, 17, .max])
    #expect(try await store.listSubscriptions().count == 11, "those whose id is one")
    let problems = log.problems
    for (subscription, problem) in [
      ("-", "a subscription whose id is no integer of 64 bits"), ("12", "no message class, or one without a key"),
      ("16", "reception_channel is NULL"), ("18", "a text of more than 1048576 bytes"),
      ("16", "a text of more than 1048576 bytes"), ("16", "a parameter without subscription id or name"),
    ] {
      #expect(problems.contains("\(subscription): \(problem)"))
    }
    await store.close()
  }

  @Test func `negative ids are ids`() async throws {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE message_classes (class_id INT, class_key VARCHAR(99));
        CREATE TABLE subscriptions (subscription_id INT, message_class_id INT, subscriber_id INT, reception_channel TEXT,
          status INT);
        CREATE TABLE subscription_params (subscription_id INT, param_name VARCHAR(64), param_value TEXT);
        INSERT INTO message_classes VALUES (-1, 't');
        INSERT INTO subscriptions VALUES (-5, -1, -1, 'http://a/', 0);
        INSERT INTO subscription_params VALUES (-5, 'Concurrency', '-3');
        """)
    let store = try database.store()
    let expected = Subscription(
      id: -5, topic: "t", topicID: -1, subscriberID: -1, receptionChannel: "http://a/",
      parameters: ["Concurrency": "-3"])
    #expect(try await store.subscriptions(ofTopic: "t") == [expected])
    try await store.cancelSubscription(-5)
    #expect(try await store.subscriptions(ofTopic: "t").isEmpty)
    await store.close()
  }

  @Test func `texts of any length come whole, row after row`() async throws {
    let database = try await TestDatabase.make()
    let lengths = [0, 1, 255, 256, 257, 4_096, 60_000, 10, 511, 512, 513, 0]
    try await database.sql("INSERT INTO message_classes (class_id, class_key) VALUES (1, 't');")
    for (index, length) in lengths.enumerated() {
      try await database.sql(
        "INSERT INTO subscriptions (subscription_id, message_class_id, subscriber_id, reception_channel)"
          + " VALUES (\(index + 1), 1, 1, CONCAT(REPEAT('é', \(length / 2)), REPEAT('x', \(length % 2))));")
    }
    let store = try database.store()
    for _ in 0..<2 {
      let found = try await store.subscriptions(ofTopic: "t").map(\.receptionChannel)
      #expect(found.map(\.utf8.count) == lengths)
      #expect(found.allSatisfy { $0.allSatisfy { $0 == "é" || $0 == "x" } })
    }
    await store.close()
  }

  @Test(arguments: [
    "' OR '1'='1", "t' UNION SELECT 1,1,1,1,1 -- ", "\\' OR 1=1 #", "t\0", "%", "_", "\u{1F388}", "t ", "T", "tt",
    String(repeating: "x", count: 100_000), "`; DROP TABLE subscriptions; --", "t\n", "ţ",
  ])
  func `a topic is nothing but its bytes`(topic: String) async throws {
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE message_classes (class_id INT, class_key VARCHAR(99));
        CREATE TABLE subscriptions (subscription_id INT, message_class_id INT, subscriber_id INT, reception_channel TEXT,
          status INT);
        CREATE TABLE subscription_params (subscription_id INT, param_name VARCHAR(64), param_value TEXT);
        ALTER TABLE message_classes CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci;
        INSERT INTO message_classes VALUES (1, 't');
        INSERT INTO subscriptions VALUES (1, 1, 1, 'http://a/', 0);
        """)
    let store = try database.store()
    #expect(try await store.subscriptions(ofTopic: topic).isEmpty)
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [1])
    await store.close()
  }

  @Test(arguments: ["latin1_swedish_ci", "utf8mb3_general_ci", "utf8mb4_general_ci", "gbk_chinese_ci"])
  func `a topic is found whatever the column's character set`(collation: String) async throws {
    let set = collation.prefix { $0 != "_" }
    let database = try await TestDatabase.make(
      schema: """
        CREATE TABLE message_classes (class_id INT, class_key VARCHAR(99) CHARACTER SET \(set) COLLATE \(collation),
          KEY (class_key));
        CREATE TABLE subscriptions (subscription_id INT, message_class_id INT, subscriber_id INT, reception_channel TEXT,
          status INT);
        CREATE TABLE subscription_params (subscription_id INT, param_name VARCHAR(64), param_value TEXT);
        INSERT INTO message_classes VALUES (1, 'order_paid'), (2, 'Order_Paid'), (3, '\(set == "gbk" ? "订单" : "bestätigt")');
        INSERT INTO subscriptions VALUES (1, 1, 1, 'x', 0), (2, 2, 1, 'x', 0), (3, 3, 1, 'x', 0);
        """)
    let store = try database.store()
    #expect(try await store.subscriptions(ofTopic: "order_paid").map(\.id) == [1])
    #expect(try await store.subscriptions(ofTopic: "Order_Paid").map(\.id) == [2])
    #expect(try await store.subscriptions(ofTopic: set == "gbk" ? "订单" : "bestätigt").map(\.id) == [3])
    #expect(try await store.subscriptions(ofTopic: "🎈").isEmpty, "what the column can't hold isn't there")
    await store.close()
  }

  @Test func `everything that is written is bound, never part of a statement`() async throws {
    let database = try await TestDatabase.make()
    let store = try database.store()
    let hostile = "'\"`\\; DROP TABLE subscriptions; -- %s ü 🎈 \u{1}"
    let id = try await store.addSubscription(
      topic: hostile, urls: ["http://a/"], subscriber: hostile,
      parameters: ["AlerterReceiver": hostile, "x'y": hostile])
    let listed = try #require(try await store.subscription(id))
    #expect(listed.subscriber == hostile)
    #expect(listed.subscription.topic == hostile)
    #expect(listed.subscription.parameters == ["AlerterReceiver": hostile, "x'y": hostile])
    try await store.setParameters(["x'y": nil], of: id)
    #expect(try await store.subscriptions(ofTopic: hostile).map(\.parameters) == [["AlerterReceiver": hostile]])
    #expect(try await store.write([FailureEntry(subscription: id, jobID: hostile, firstFailure: hostile)]) == [1])
    await store.close()
  }

  @Test func `100,000 subscriptions come whole, and an unchanged state makes none of them`() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      INSERT INTO message_classes (class_id, class_key) SELECT seq, CONCAT('topic_', seq) FROM seq_1_to_10000;
      INSERT INTO subscriptions (subscription_id, message_class_id, subscriber_id, reception_channel)
        SELECT seq, 1 + seq MOD 10000, 1, CONCAT('http://host.internal:8080/receive/', seq) FROM seq_1_to_100000;
      INSERT INTO subscription_params SELECT seq, 'Concurrency', seq MOD 7 FROM seq_1_to_100000;
      """)
    let store = try database.store()
    let snapshot = try #require(try await store.subscriptions(changedSince: nil))
    #expect(snapshot.subscriptions.map(\.id) == Array(1...100_000))
    #expect(
      snapshot.subscriptions.allSatisfy { subscription in
        subscription.topic == "topic_\(1 + subscription.id % 10_000)"
          && subscription.receptionChannel == "http://host.internal:8080/receive/\(subscription.id)"
          && subscription.parameters == ["Concurrency": "\(subscription.id % 7)"]
      })
    #expect(try await store.subscriptions(changedSince: snapshot.version) == nil)
    try await database.sql("UPDATE subscription_params SET param_value = '9' WHERE subscription_id = 77777;")
    let changed = try #require(try await store.subscriptions(changedSince: snapshot.version)).subscriptions
    #expect(changed[77_776].parameters == ["Concurrency": "9"])
    #expect(
      try await store.subscriptions(ofTopic: "topic_7").map(\.id) == stride(from: 6, to: 100_000, by: 10_000).map { $0 }
    )
    await store.close()
  }

  @Test func `changes are noticed, whoever makes them, and rows of the failure log are none`() async throws {
    let database = try await TestDatabase.make()
    let store = try database.store()
    let id = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
    var version = try #require(try await store.subscriptions(changedSince: nil)).version
    #expect(try await store.subscriptions(changedSince: version) == nil)
    _ = try await store.write([FailureEntry(subscription: id, jobID: "1-2-3")])
    #expect(try await store.subscriptions(changedSince: version) == nil)
    for (statement, parameters) in [
      ("INSERT INTO subscription_params VALUES (1, 'Concurrency', '9')", ["Concurrency": "9"]),
      ("UPDATE subscription_params SET param_value = ''", ["Concurrency": ""]),
      ("DELETE FROM subscription_params", [:]),
    ] {
      try await database.sql(statement)
      let changed = try #require(try await store.subscriptions(changedSince: version))
      #expect(changed.subscriptions.map(\.parameters) == [parameters])
      version = changed.version
      #expect(try await store.subscriptions(changedSince: version) == nil)
    }
    #expect(
      try await store.subscriptions(changedSince: StoreVersion(rawValue: 999)) != nil, "a version of another time")
    try await database.sql("UPDATE subscriptions SET status = 1")
    #expect(try await store.subscriptions(changedSince: version)?.subscriptions == [])
    await store.close()
  }
}

/// Keeps the problems that are warned of.
private struct WarningLog: LogHandler {
  let lines = Locked<[String]>([])
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  var problems: Set<String> { Set(lines.withLock { $0 }) }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let metadata = event.metadata ?? [:]
    let line = "\(metadata["subscription"] ?? "?"): \(metadata["problem"] ?? "?")"
    lines.withLock { $0.append(line) }
  }
}
