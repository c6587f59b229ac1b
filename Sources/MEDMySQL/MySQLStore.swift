import Logging
import MEDCore
import MEDLoop

/// Subscriptions in a MySQL or MariaDB database (SPEC §7).
///
/// The database is connected to by the first call, not before, and again when a connection is lost. Its tables are used as
/// they are found, and never made or changed: columns may be missing that dispatching doesn't need, others are ignored.
///
/// Each connection has a thread of its own and blocks there. From four connections on one refreshes, one writes what
/// tools change, one writes the failure log, and lookups of topics have the rest: none of these waits for another. With
/// fewer they share, and lookups may wait for the failure log.
public struct MySQLStore: SubscriptionStore {
  /// What it connects to. The password is in no description of it.
  public let configuration: MySQLConfiguration

  let watcher: MySQLConnection
  let writer: MySQLConnection
  let failures: MySQLConnection
  let lookups: LookupConnections

  /// Connects to nothing yet.
  /// - Parameters:
  ///   - configuration: of the database.
  ///   - logger: where unusable rows are told.
  /// - Throws: `.unavailable` if the system has no threads or descriptors left.
  public init(_ configuration: MySQLConfiguration, logger: Logger) throws(StoreError) {
    let connector = MySQLConnector(configuration)
    @Sendable func connection(_ name: String) throws(StoreError) -> MySQLConnection {
      do throws(LoopError) {
        return try MySQLConnection(connector, name: "mysql-\(name)", logger: logger)
      } catch {
        throw StoreError(.unavailable, "no thread for a connection: \(error)", cause: error)
      }
    }
    self.configuration = configuration
    let count = max(configuration.maximumConnections, 1)
    failures = try connection("failures")
    watcher = count > 1 ? try connection("watch") : failures
    writer = count > 3 ? try connection("write") : count > 2 ? watcher : failures
    lookups =
      count > 2
      ? LookupConnections(try connection("lookup"), maximum: max(count - 3, 1)) { () throws(StoreError) in
        try connection("lookup")
      } : LookupConnections(watcher, maximum: 1) { () throws(StoreError) in try connection("lookup") }
  }

  /// Connects, and looks whether the tables have what is needed. Needn't be called; tells early what is wrong.
  public func open() async throws(StoreError) { try await writer.check() }

  /// Closes all connections, for good, and waits for none longer than a second: what is under way then is broken off.
  public func close() async {
    watcher.connector.close()
    let all = [failures, watcher, writer] + lookups.all
    await withCheckedContinuation { continuation in
      let waiting = Locked<CheckedContinuation<Void, Never>?>(continuation)
      @Sendable func finish() {
        for connection in all { connection.breaker.breakOff() }
        waiting.withLock { waiting in
          defer { waiting = nil }
          return waiting
        }?.resume()
      }
      Task {
        for connection in all { await connection.close() }
        finish()
      }
      // Who works gets a moment to end; a stop can't wait for the time-out of a server that hangs.
      Task {
        try? await Task.sleep(for: .seconds(1))
        finish()
      }
    }
  }

  /// One statement, and no objects if nothing has changed.
  public func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot? {
    try await watcher.changedSubscriptions(since: version)
  }

  /// The live subscriptions of one topic: one statement.
  public func subscriptions(ofTopic topic: String) async throws -> [Subscription] {
    let connection = lookups.take()
    defer { lookups.giveBack(connection) }
    return try await connection.subscriptions(ofTopic: topic)
  }
}
