import Foundation
import Logging
import MEDCore

/// Subscriptions in an SQLite file (SPEC §7).
///
/// The file is opened by the first call, not before, and again by each call while that fails: a store that can't be
/// opened is a store that is down. Schema and tables are made when they aren't there. Four connections, each with a
/// thread of its own: one watches for changes, one looks topics up, one writes what tools change, one writes the failure
/// log. None waits for another, but for SQLite's write lock.
///
/// A file that is replaced by another is noticed and opened; one that is removed while in use is an outage.
public struct SQLiteStore: SubscriptionStore {
  let watcher: SQLiteConnection
  let lookups: SQLiteConnection
  let writer: SQLiteConnection
  let failures: SQLiteConnection
  let path: String

  /// - Parameters:
  ///   - path: of the file; its directory must be there.
  ///   - createsFile: whether the file is made if it isn't there; otherwise the store is down until it is.
  ///   - logger: where outages and unusable rows are told.
  public init(path: String, createsFile: Bool = true, logger: Logger) {
    self.init(path: path, createsFile: createsFile, busyTimeout: SQLiteConnection.busyTimeout, logger: logger)
  }

  /// - Parameter busyTimeout: seconds that a lock of others is waited for; then the store is down.
  init(path: String, createsFile: Bool = true, busyTimeout: TimeInterval, logger: Logger) {
    func connection(_ role: SQLiteConnection.Role) -> SQLiteConnection {
      SQLiteConnection(
        path: path, role: role, createsFile: createsFile && role == .writer, busyTimeout: busyTimeout, logger: logger)
    }
    self.path = path
    writer = connection(.writer)
    watcher = connection(.watcher)
    lookups = connection(.lookups)
    failures = connection(.failures)
  }

  /// Opens the file and makes what is missing. Needn't be called; tells early what is wrong.
  public func open() async throws(StoreError) {
    try await writer.open()
    try await watcher.open()
    try await lookups.open()
    try await failures.open()
  }

  /// Closes all connections. A later call opens them again.
  public func close() async {
    await watcher.close()
    await lookups.close()
    await failures.close()
    await writer.close()
  }

  /// Costs no query while nothing in the file has changed, whoever writes, and no objects while only other tables have.
  public func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot? {
    if await !watcher.isOpen { try await writer.open() }
    return try await watcher.changedSubscriptions(since: version)
  }

  /// The live subscriptions of one topic.
  public func subscriptions(ofTopic topic: String) async throws -> [Subscription] {
    if await !lookups.isOpen { try await writer.open() }
    return try await lookups.subscriptions(ofTopic: topic)
  }
}
