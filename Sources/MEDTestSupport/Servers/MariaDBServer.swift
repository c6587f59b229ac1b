import Glibc

/// A MariaDB of the test's own on 127.0.0.1 and a Unix socket; the user root has no password.
public final class MariaDBServer: Sendable {
  public let port: UInt16
  public let socketPath: String
  public let process: ServerProcess
  private let directory: TemporaryDirectory

  /// Makes an empty data directory (most of a second), starts a server on it and waits until it answers.
  /// - Parameter arguments: for the server, after those that make it a test's own.
  public static func start(_ arguments: [String] = []) async throws -> MariaDBServer {
    let directory = try TemporaryDirectory("mariadb")
    let made = try await ServerProcess.run(
      "mariadb-install-db",
      ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"] + asRoot
        + ["--datadir=\(directory.file("data"))"], environment: own(directory), within: .seconds(60))
    guard made.status == .code(0) else {
      throw Unexpected(description: "mariadb-install-db: \(made.status)\n\(made.output)\n\(made.errors)")
    }
    let server = try MariaDBServer(directory: directory, arguments)
    try await server.waitUntilReady()
    return server
  }

  private init(directory: TemporaryDirectory, _ arguments: [String]) throws {
    self.directory = directory
    port = try FreePort.next()
    socketPath = directory.file("socket")
    process = try ServerProcess(
      "mariadbd",
      ["--no-defaults"] + Self.asRoot + [
        "--datadir=\(directory.file("data"))", "--socket=\(socketPath)", "--pid-file=\(directory.file("pid"))",
        "--bind-address=127.0.0.1", "--port=\(port)", "--skip-name-resolve", "--performance-schema=OFF",
        "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=2",
      ] + arguments, environment: Self.own(directory))
  }

  /// Runs statements with the `mariadb` client: rows as lines, columns apart by tabs, without headings.
  @discardableResult
  public func execute(_ statements: String, database: String? = nil) async throws -> String {
    let result = try await ServerProcess.run(
      "mariadb",
      ["--no-defaults", "--batch", "--skip-column-names", "--socket=\(socketPath)", "--user=root"]
        + (database.map { [$0] } ?? []), input: statements)
    guard result.status == .code(0) else { throw Unexpected(description: "mariadb: \(result.errors)") }
    return result.output
  }

  public func stop() async throws { try await process.stop(within: .seconds(30)) }

  /// Starts it again on the same port and data, after an end.
  public func start() async throws {
    try process.start()
    try await waitUntilReady()
  }

  public func restart() async throws {
    try await stop()
    try await start()
  }

  private func waitUntilReady() async throws {
    try await process.waitUntilReady(within: .seconds(30)) { try await execute("SELECT 1") == "1\n" }
  }

  /// A server that starts removes what looks like leftovers in its directory for temporary tables, another's too.
  private static func own(_ directory: TemporaryDirectory) -> [String: String] { ["TMPDIR": directory.path] }

  /// As root it must be told that this is meant.
  private static var asRoot: [String] { getuid() == 0 ? ["--user=root"] : [] }
}
