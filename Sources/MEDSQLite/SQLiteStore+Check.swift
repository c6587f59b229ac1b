import GRDB
import MEDCore

extension SQLiteStore {
  /// Looks at the whole file: SQLite's integrity check, then rows that nothing can be done with.
  /// - Returns: what an operator should look at, at most 100 lines; empty if all is well.
  public func check() async throws(StoreError) -> [String] {
    try await writer.read { database in
      var problems = try String.fetchAll(database, sql: "PRAGMA integrity_check(50)").filter { $0 != "ok" }
      try SQLiteSchema.check(database)
      var reader = SubscriptionReader()
      _ = try reader.all(database)
      problems += reader.warnings
        .map { "subscription \($0.subscription.map(String.init) ?? "?"): \($0.problem)" }.sorted()
      let orphans =
        try Int.fetchOne(
          database,
          sql: """
            SELECT COUNT(*) FROM subscription_params p
            WHERE NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.subscription_id = p.subscription_id)
            """) ?? 0
      if orphans > 0 { problems.append("\(orphans) parameters of subscriptions that don't exist") }
      return Array(problems.prefix(100))
    }
  }
}
