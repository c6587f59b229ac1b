import Glibc
import Logging
import MEDCore
import MEDSQLite

/// Opens the store that the config file names, for command line tools.
public enum StoreAccess {
  @Sendable
  public static func open(_ settings: Settings) async throws -> any SubscriptionEditor {
    guard settings.storeType == .sqlite else {
      throw SystemError(message: "medctl can't change a store of type \"\(settings.storeType.rawValue)\"")
    }
    // A tool may well come before the first start of the dispatcher.
    try Directories.prepare(directory(of: settings.storePath), for: "[Store] Path")
    // Nothing to tell but what is thrown: a tool has no log.
    let store = SQLiteStore(
      path: settings.storePath, logger: Logger(label: "store", factory: { _ in SwiftLogNoOpLogHandler() }))
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
