import Foundation
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§7 §14 medctl schema", .showsServerOutput)
struct SchemaTests {
  /// As SPEC §7 has them.
  private static let tables = [
    "message_classes": ["class_id", "class_name", "class_key", "comment", "create_time"],
    "subscribers": ["subscriber_id", "subscriber_name", "subscriber_key"],
    "subscriptions": [
      "subscription_id", "message_class_id", "subscriber_id", "reception_channel", "status", "subscribe_time",
      "timeout",
    ],
    "subscription_params": ["subscription_id", "param_name", "param_value"],
    "broadcast_failure_log": [
      "log_id", "message_class_id", "subscriber_id", "subscription_id", "message_body", "time", "message_time",
      "first_failure_message", "last_failure_message", "last_target", "job_id", "retry_times", "last_retry_time",
      "final_status", "alive",
    ],
  ]

  @Test func `MariaDB takes the MySQL tables, twice, with the columns of SQLite's`() async throws {
    let server = try await MariaDBServer.start()
    let schema = try ProgramRun("medctl", ["schema", "--mysql"])
    #expect(schema.status == 0)
    try await server.execute("CREATE DATABASE m")
    for _ in 0..<2 { try await server.execute("SET sql_mode = 'STRICT_ALL_TABLES';\n" + schema.output, database: "m") }
    let found = try await server.execute(
      "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'm'"
        + " ORDER BY table_name, ordinal_position")
    var tables: [String: [String]] = [:]
    for line in found.split(separator: "\n") {
      let parts = line.split(separator: "\t").map(String.init)
      tables[parts[0], default: []].append(parts[1])
    }
    #expect(tables == Self.tables)
  }

  @Test func `MariaDB keeps topics apart by their bytes, and large bodies and texts whole`() async throws {
    let server = try await MariaDBServer.start()
    try await server.execute("CREATE DATABASE m")
    try await server.execute(SchemaText.mysql, database: "m")
    let rows = """
      SET sql_mode = 'STRICT_ALL_TABLES';
      INSERT INTO message_classes (class_key) VALUES ('order_paid'), ('Order_Paid'), ('ördér');
      INSERT INTO subscribers (subscriber_key) VALUES ('s');
      INSERT INTO subscriptions (message_class_id, subscriber_id, reception_channel)
        VALUES (1, 1, REPEAT('http://h/\\n', 5000));
      INSERT INTO subscription_params VALUES (1, 'Concurrency', '5'), (1, 'concurrency', '6');
      INSERT INTO broadcast_failure_log (message_body, message_time, first_failure_message, job_id)
        VALUES (REPEAT('x', 1048576), 1700000000.123456, REPEAT('y', 8192), '1700000000.123456-17-1');
      """
    try await server.execute(rows, database: "m")
    #expect(
      try await server.execute("SELECT COUNT(*) FROM message_classes WHERE class_key = 'order_paid'", database: "m")
        == "1\n")
    #expect(
      try await server.execute(
        "SELECT LENGTH(message_body), LENGTH(first_failure_message), job_id FROM broadcast_failure_log", database: "m")
        == "1048576\t8192\t1700000000.123456-17-1\n")
    #expect(try await server.execute("SELECT status FROM subscriptions", database: "m") == "0\n")
  }

  @Test func `SQLite's tables are the default, and have the columns of the specification`() throws {
    let run = try ProgramRun("medctl", ["schema"])
    #expect(run.status == 0)
    #expect(try ProgramRun("medctl", ["schema", "--sqlite"]).output == run.output)
    for (table, columns) in Self.tables {
      let start = try #require(run.output.firstRange(of: "CREATE TABLE IF NOT EXISTS \(table) ("))
      let body = run.output[start.upperBound...].split(separator: ";", maxSplits: 1)[0]
      let words = Set(body.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
      #expect(columns.allSatisfy { words.contains($0) }, "\(table)")
    }
    #expect(try ProgramRun("medctl", ["schema", "--sqlite", "--mysql"]).status == 64)
  }
}
