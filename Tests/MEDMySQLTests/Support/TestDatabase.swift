import Foundation
import Logging
import MEDMySQL
import MEDTestSupport

/// A server that tests share, each with a database of its own. Those that stop or change it start their own.
enum SharedMariaDB {
  private static let starting = Task { try await MariaDBServer.start() }

  static var server: MariaDBServer {
    get async throws { try await starting.value }
  }
}

/// A database, and the mariadb program as the other client.
struct TestDatabase: Sendable {
  static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  let server: MariaDBServer
  let name: String

  /// - Parameter schema: statements that make its tables; those of a fresh database by default.
  static func make(
    on server: MariaDBServer? = nil, schema: String = MySQLStore.schemaSQL
  ) async throws -> TestDatabase {
    let database = TestDatabase(
      server: try await given(server), name: "m\(UInt32.random(in: 0...(.max)))")
    try await database.server.execute("CREATE DATABASE \(database.name)")
    try await database.sql(schema)
    return database
  }

  private static func given(_ server: MariaDBServer?) async throws -> MariaDBServer {
    if let server { return server }
    return try await SharedMariaDB.server
  }

  @discardableResult
  func sql(_ statements: String) async throws -> String {
    try await server.execute("SET NAMES utf8mb4;\n" + statements, database: name)
  }

  /// - Parameters:
  ///   - connections: at most.
  ///   - options: as in a config file.
  ///   - port: of something in front of the server.
  func configuration(connections: Int = 10, options: String = "", port: UInt16? = nil) -> MySQLConfiguration {
    MySQLConfiguration(
      host: "127.0.0.1", port: Int(port ?? server.port), user: "root", database: name,
      options: MySQLOptions.parse(options).options, maximumConnections: connections)
  }

  func store(connections: Int = 10, options: String = "", port: UInt16? = nil) throws -> MySQLStore {
    try MySQLStore(configuration(connections: connections, options: options, port: port), logger: Self.logger)
  }

  /// The rows of a job id as text by column, in the order of their ids; NULL is "".
  func failures(_ jobID: String) async throws -> [[String: String]] {
    let columns = try await sql(
      "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
        + " AND table_name = 'broadcast_failure_log'"
    ).split(separator: "\n")
    let pairs = columns.map { "'\($0.lowercased())', CAST(\($0) AS CHAR CHARACTER SET utf8mb4)" }
    let lines = try await sql(
      "SELECT HEX(JSON_OBJECT(\(pairs.joined(separator: ", ")))) FROM broadcast_failure_log"
        + " WHERE job_id = '\(jobID)' ORDER BY log_id + 0")
    return try lines.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(Self.bytes(line))) as? [String: Any] ?? [:]
      return object.mapValues { $0 as? String ?? "" }
    }
  }

  private static func bytes(_ hexadecimal: Substring) -> [UInt8] {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
