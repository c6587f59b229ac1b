import Glibc
import Logging
import MEDCore
import MEDMySQL
import MEDSQLite

/// All that a dispatcher wants of a store.
protocol DispatcherStore: SubscriptionEditor, FailureLog {
  func close() async
}

extension SQLiteStore: DispatcherStore {}
extension MySQLStore: DispatcherStore {}

/// Opens the store that the config file names, for command line tools.
public enum StoreAccess {
  @Sendable
  public static func open(_ settings: Settings) async throws -> any SubscriptionEditor { try await opened(settings) }

  private static func opened(_ settings: Settings) async throws -> any DispatcherStore {
    // Nothing to tell but what is thrown: a tool has no log.
    let logger = Logger(label: "store", factory: { _ in SwiftLogNoOpLogHandler() })
    if settings.storeType == .mysql {
      let store = try MySQLStore(settings.mysql, logger: logger)
      try await store.open()
      return store
    }
    // A tool may well come before the first start of the dispatcher.
    try Directories.prepare(directory(of: settings.storePath), for: "[Store] Path")
    let store = SQLiteStore(path: settings.storePath, logger: logger)
    try await store.open()
    return store
  }

  /// Opens it for `body` and closes it afterwards: a database tells its operator of clients that just hang up.
  public static func with<Result>(
    _ settings: Settings, _ body: (any SubscriptionEditor) async throws -> Result
  ) async throws -> Result {
    let store = try await opened(settings)
    do {
      let result = try await body(store)
      await store.close()
      return result
    } catch {
      await store.close()
      throw error
    }
  }

  /// The same for who only looks: nil if the store hasn't been made yet.
  static func openIfThere(_ settings: Settings) async throws -> (any SubscriptionEditor)? {
    if settings.storeType == .sqlite, access(settings.storePath, F_OK) != 0, errno == ENOENT { return nil }
    return try await open(settings)
  }

  private static func directory(of path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }
}
