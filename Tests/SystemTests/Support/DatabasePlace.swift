import Foundation
import Logging
import MEDMySQL
import MEDTestSupport

/// A MariaDB with the tables of a fresh database and an account for the dispatcher.
struct DatabasePlace: Sendable {
  static let password = "pw-of-the-dispatcher"

  let server: MariaDBServer
  /// Of the tests, with an account of its own.
  let store: MySQLStore

  static func start() async throws -> DatabasePlace {
    let server = try await MariaDBServer.start()
    try await server.execute(
      """
      CREATE DATABASE med;
      CREATE USER 'dispatcher'@'127.0.0.1' IDENTIFIED BY '\(password)';
      GRANT SELECT, INSERT, UPDATE, DELETE ON med.* TO 'dispatcher'@'127.0.0.1';
      """)
    try await server.execute(MySQLStore.schemaSQL, database: "med")
    let store = try MySQLStore(
      MySQLConfiguration(port: Int(server.port), user: "root", database: "med"), logger: Logger(label: "test"))
    return DatabasePlace(server: server, store: store)
  }

  /// The table of the config file, as existing files have it.
  func table(password: String = Self.password, options: String = "") -> String {
    """
    [Database]
    Host = "127.0.0.1"
    Port = \(server.port)
    User = "dispatcher"
    Password = "\(password)"
    DbName = "med"
    MaxConn = 8
    Options = "readTimeout=20s&writeTimeout=20s&charset=utf8mb4\(options)"

    """
  }

  func system(options: String = "", settings: [String: String] = [:]) async throws -> SystemHarness {
    try SystemHarness(
      try await BeanstalkdServer.start(), settings: settings, tables: table(options: options), editor: store)
  }

  /// job id → final_status of all rows; those that are open have none.
  func rows() async throws -> [String: Int?] {
    let lines = try await server.execute(
      "SELECT CONCAT(job_id, ' ', IF(alive, 'open', final_status)) FROM broadcast_failure_log", database: "med")
    return Dictionary(
      lines.split(separator: "\n").map { line in
        let words = line.split(separator: " ")
        return (String(words[0]), words.count > 1 ? Int(words[1]) : nil)
      }
    ) { first, _ in first }
  }

  func waitForClosedRows(_ count: Int) async throws {
    try await eventually("\(count) rows, all closed", within: .seconds(60), every: .milliseconds(100)) {
      let rows = try await rows()
      return rows.count == count && rows.values.allSatisfy { $0 == 1 }
    }
  }

  /// How many rows there are, whatever job they are of.
  func rowCount() async throws -> Int {
    Int(try await server.execute("SELECT COUNT(*) FROM broadcast_failure_log", database: "med").dropLast()) ?? -1
  }
}
