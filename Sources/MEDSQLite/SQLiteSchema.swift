import GRDB
import MEDCore

/// The tables of SPEC §7.
enum SQLiteSchema {
  /// Each statement leaves alone what is there.
  static let tables: [(name: String, sql: [String])] = [
    (
      "message_classes",
      [
        """
        CREATE TABLE IF NOT EXISTS message_classes (
          class_id INTEGER PRIMARY KEY AUTOINCREMENT,
          class_name TEXT NOT NULL DEFAULT '',
          class_key TEXT NOT NULL UNIQUE,
          comment TEXT NOT NULL DEFAULT '',
          create_time INTEGER NOT NULL DEFAULT 0
        )
        """
      ]
    ),
    (
      "subscribers",
      [
        """
        CREATE TABLE IF NOT EXISTS subscribers (
          subscriber_id INTEGER PRIMARY KEY AUTOINCREMENT,
          subscriber_name TEXT NOT NULL DEFAULT '',
          subscriber_key TEXT NOT NULL UNIQUE
        )
        """
      ]
    ),
    (
      "subscriptions",
      [
        """
        CREATE TABLE IF NOT EXISTS subscriptions (
          subscription_id INTEGER PRIMARY KEY AUTOINCREMENT,
          message_class_id INTEGER NOT NULL,
          subscriber_id INTEGER NOT NULL,
          reception_channel TEXT,
          status INTEGER NOT NULL DEFAULT 0,
          subscribe_time INTEGER NOT NULL DEFAULT 0,
          timeout INTEGER NOT NULL DEFAULT 0
        )
        """,
        "CREATE INDEX IF NOT EXISTS subscriptions_by_class ON subscriptions (message_class_id)",
      ]
    ),
    (
      "subscription_params",
      [
        """
        CREATE TABLE IF NOT EXISTS subscription_params (
          subscription_id INTEGER NOT NULL,
          param_name TEXT NOT NULL,
          param_value TEXT NOT NULL DEFAULT '',
          PRIMARY KEY (subscription_id, param_name)
        ) WITHOUT ROWID
        """
      ]
    ),
    (
      "broadcast_failure_log",
      [
        """
        CREATE TABLE IF NOT EXISTS broadcast_failure_log (
          log_id INTEGER PRIMARY KEY AUTOINCREMENT,
          message_class_id INTEGER NOT NULL DEFAULT 0,
          subscriber_id INTEGER NOT NULL DEFAULT 0,
          subscription_id INTEGER NOT NULL DEFAULT 0,
          message_body TEXT,
          time INTEGER NOT NULL DEFAULT 0,
          message_time REAL NOT NULL DEFAULT 0,
          first_failure_message TEXT,
          last_failure_message TEXT,
          last_target TEXT,
          job_id TEXT NOT NULL DEFAULT '',
          retry_times INTEGER NOT NULL DEFAULT 0,
          last_retry_time INTEGER NOT NULL DEFAULT 0,
          final_status INTEGER NOT NULL DEFAULT 0,
          alive INTEGER NOT NULL DEFAULT 0
        )
        """,
        "CREATE INDEX IF NOT EXISTS failures_by_job ON broadcast_failure_log (subscription_id, job_id)",
      ]
    ),
  ]

  /// Columns without which nothing can be dispatched.
  private static let needed: [(table: String, columns: [String])] = [
    ("message_classes", ["class_id", "class_key"]),
    ("subscriptions", ["subscription_id", "message_class_id", "subscriber_id", "reception_channel", "status"]),
    ("subscription_params", ["subscription_id", "param_name", "param_value"]),
  ]

  /// Makes the tables that aren't there. Those that are, made by hand or by a tool, are taken as they are: no index is
  /// added to them, no column changed.
  static func prepare(_ database: Database) throws {
    if try !missing(database).isEmpty {
      try database.inTransaction(.immediate) {
        // Somebody else may have made them while we waited for the lock.
        let names = try missing(database)
        for table in tables where names.contains(table.name) {
          for sql in table.sql { try database.execute(sql: sql) }
        }
        return .commit
      }
    }
    try check(database)
  }

  static func check(_ database: Database) throws {
    for (table, columns) in needed {
      guard try database.tableExists(table) || database.viewExists(table) else {
        throw StoreError(.schema, "there is no table \(table)")
      }
      let present = Set(try database.columns(in: table).map { $0.name.lowercased() })
      for column in columns where !present.contains(column) {
        throw StoreError(.schema, "table \(table) has no column \(column)")
      }
    }
  }

  private static func missing(_ database: Database) throws -> Set<String> {
    Set(try tables.map(\.name).filter { try !database.tableExists($0) && !database.viewExists($0) })
  }
}

extension SQLiteStore {
  /// The schema as SQL, for people.
  public static var schemaSQL: String {
    SQLiteSchema.tables.flatMap(\.sql).map { $0 + ";\n" }.joined()
  }
}
