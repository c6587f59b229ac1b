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
  public static func open(_ settings: Settings) async throws -> any SubscriptionEditor {
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

  /// The same for who only looks: nil if the store hasn't been made yet.
  static func openIfThere(_ settings: Settings) async throws -> (any SubscriptionEditor)? {
    if settings.storeType == .sqlite, access(settings.storePath, F_OK) != 0, errno == ENOENT { return nil }
    return try await open(settings)
  }

  private static func directory(of path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }
}
