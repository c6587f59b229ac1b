import Dispatch
import Foundation
import GRDB
import Logging
import MEDCore

/// One connection to the file, blocking, on a serial queue of its own.
actor SQLiteConnection {
  enum Role: String {
    /// The only one that makes a file and tables.
    case writer
    case watcher, lookups, failures
  }

  /// Seconds that a lock of others is waited for.
  static let busyTimeout: TimeInterval = 5

  /// What ``SQLiteConnection/changedSubscriptions(since:)`` remembers of its last look.
  struct Watch {
    var version = StoreVersion(rawValue: 0)
    var dataVersion: Int64?
    var fingerprint: Int?
    var warnings: Set<RowWarning> = []
  }

  nonisolated let path: String
  nonisolated let role: Role
  /// If it isn't there when it is opened for the first time.
  nonisolated let createsFile: Bool
  nonisolated let busyTimeout: TimeInterval
  nonisolated let logger: Logger
  nonisolated let executor: SerialQueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  var watch = Watch()
  /// What the failure log has been told to look like, once, to an operator.
  var hasWarnedOfFailureTable = false
  private var database: DatabaseQueue?
  private var identity: FileIdentity?
  private var hasBeenOpen = false

  init(path: String, role: Role, createsFile: Bool, busyTimeout: TimeInterval, logger: Logger) {
    self.path = path
    self.role = role
    self.createsFile = createsFile
    self.busyTimeout = busyTimeout
    self.logger = logger
    executor = SerialQueueExecutor(label: "medispatcher.sqlite.\(role.rawValue)")
  }

  var isOpen: Bool { database != nil }

  func open() throws(StoreError) { _ = try opened() }

  func close() {
    try? database?.close()
    database = nil
    identity = nil
  }

  func read<T>(_ body: (Database) throws -> T) throws(StoreError) -> T {
    let database = try opened()
    do { return try database.read(body) } catch { throw StoreError(sqlite: error, path: path) }
  }

  /// Runs `body` in a transaction that holds the write lock from its beginning.
  func write<T>(_ body: (Database) throws -> T) throws(StoreError) -> T {
    let database = try opened()
    do {
      return try database.writeWithoutTransaction { database in
        var result: Result<T, any Error>?
        try database.inTransaction(.immediate) {
          let value = try body(database)
          result = .success(value)
          return .commit
        }
        guard let result else { throw StoreError(.unavailable, "\(path): nothing was written") }
        return try result.get()
      }
    } catch {
      throw StoreError(sqlite: error, path: path)
    }
  }

  private func opened() throws(StoreError) -> DatabaseQueue {
    let present = FileIdentity(path)
    if let database, let present, present == identity { return database }
    close()
    // A file that was there and isn't any more holds subscriptions that somebody has to bring back; an empty one in its
    // place would say that there are none.
    guard present != nil || (createsFile && !hasBeenOpen) else {
      throw StoreError(.unavailable, "\(path): there is no such file")
    }
    do {
      let queue = try DatabaseQueue(path: path, configuration: configuration())
      if role == .writer && !hasBeenOpen {
        try queue.writeWithoutTransaction(SQLiteSchema.prepare)
      } else {
        try queue.read(SQLiteSchema.check)
      }
      identity = FileIdentity(path)
      database = queue
      hasBeenOpen = true
      // Versions of a connection mean nothing to another one.
      watch.dataVersion = nil
      watch.fingerprint = nil
      return queue
    } catch {
      throw StoreError(sqlite: error, path: path)
    }
  }

  private func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.label = role.rawValue
    configuration.busyMode = .timeout(busyTimeout)
    configuration.foreignKeysEnabled = false
    configuration.qos = .default
    let path = path
    // What `journalMode = .wal` would do, without what GRDB does besides for its pools by way of Foundation's files and
    // URLs, whose pages then stay in memory.
    configuration.prepareDatabase { database in
      guard try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") == "wal" else {
        throw DatabaseError(resultCode: .SQLITE_CANTOPEN, message: "\(path): can't be kept with a write-ahead log")
      }
      try database.execute(sql: "PRAGMA synchronous = NORMAL")
    }
    return configuration
  }
}

/// Which file a path leads to.
private struct FileIdentity: Equatable {
  private let device: UInt64
  private let number: UInt64

  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }
}

/// A serial queue as an actor's executor: blocking calls stay off Swift's pool.
final class SerialQueueExecutor: SerialExecutor {
  private let queue: DispatchQueue

  init(label: String) { queue = DispatchQueue(label: label) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
