import MEDCore
import MEDTestSupport
import Testing

@testable import MEDMySQL

@Suite("§7 MySQL store: changing subscriptions", .showsServerOutput)
struct EditingTests {
  private func refused(_ body: () async throws -> Void) async throws -> StoreError {
    try #require(await #expect(throws: StoreError.self) { try await body() })
  }

  @Test func `what a table refuses is an error that names it, and nothing is left behind`() async throws {
    let database = try await TestDatabase.make()
    try await database.sql(
      """
      ALTER TABLE subscriptions ADD COLUMN owner INT NOT NULL;
      ALTER TABLE subscription_params MODIFY param_value VARCHAR(10) NOT NULL;
      SET GLOBAL sql_mode = 'STRICT_ALL_TABLES';
      """)
    let store = try database.store()
    let missing = try await refused {
      _ = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
    }
    #expect(missing.code == .constraint)
    #expect(missing.message.contains("owner"))
    #expect(try await database.sql("SELECT COUNT(*) FROM message_classes") == "0\n")

    try await database.sql("ALTER TABLE subscriptions MODIFY owner INT NULL;")
    let id = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
    let long = try await refused {
      try await store.setParameters(["A": "1", "AlerterReceiver": String(repeating: "x", count: 11)], of: id)
    }
    #expect(long.code == .constraint)
    #expect(try await store.subscription(id)?.subscription.parameters == [:])
    await store.close()
  }

  @Test func `a topic that differs from another by case alone is refused where the table can't tell them apart`()
    async throws
  {
    let database = try await TestDatabase.make()
    try await database.sql("ALTER TABLE message_classes CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;")
    let store = try database.store()
    _ = try await store.addSubscription(topic: "order_paid", urls: ["http://a/"], subscriber: "s")
    let error = try await refused {
      _ = try await store.addSubscription(topic: "Order_paid", urls: ["http://a/"], subscriber: "s")
    }
    #expect(error.code == .constraint)
    await store.close()
  }

  @Test func `tables and columns that are missing are named`() async throws {
    let database = try await TestDatabase.make(
      schema: "CREATE TABLE message_classes (class_id INT, class_key VARCHAR(9));")
    let store = try database.store()
    let table = try await refused { try await store.open() }
    #expect(table.code == .schema)
    #expect(table.message.contains("subscriptions"))
    #expect(try await refused { _ = try await store.subscriptions(ofTopic: "t") }.code == .schema)
    try await database.sql(
      """
      CREATE TABLE subscriptions (subscription_id INT, message_class_id INT, subscriber_id INT, reception_channel TEXT);
      CREATE TABLE subscription_params (subscription_id INT, param_name TEXT, param_value TEXT);
      """)
    let column = try await refused { try await store.open() }
    #expect(column.code == .schema)
    #expect(column.message.contains("status"))
    #expect(try await refused { _ = try await store.subscriptions(changedSince: nil) }.code == .schema)
    try await database.sql("ALTER TABLE subscriptions ADD COLUMN status INT;")
    try await store.open()
    #expect(try await store.subscriptions(changedSince: nil)?.subscriptions == [])
    await store.close()
  }

  @Test func `a subscription that gets the id of a deleted one gets nothing else of it`() async throws {
    let database = try await TestDatabase.make()
    try await database.sql("INSERT INTO subscription_params VALUES (1, 'Concurrency', '8');")
    let store = try database.store()
    #expect(try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s") == 1)
    #expect(try await store.subscriptions(ofTopic: "t").map(\.parameters) == [[:]])
    await store.close()
  }

  @Test func `without a table of subscribers nothing but names is missing`() async throws {
    let database = try await TestDatabase.make()
    let store = try database.store()
    let id = try await store.addSubscription(topic: "t", urls: ["http://a/"], subscriber: "s")
    try await database.sql("DROP TABLE subscribers;")
    #expect(try await store.subscription(id)?.subscriber == "")
    #expect(try await store.subscriptions(ofTopic: "t").map(\.id) == [id])
    await store.close()
  }
}
