import GRDB
import MEDCore

extension SQLiteConnection {
  func subscriptions(ofTopic topic: String) throws(StoreError) -> [Subscription] {
    try read { database in
      var reader = SubscriptionReader()
      return try reader.subscriptions(ofTopic: topic, database)
    }
  }

  /// What ``changedSubscriptions(since:)`` has found.
  private enum Look {
    case unchanged
    /// Something was written, but nothing that concerns subscriptions: the failure log, most often.
    case sameSubscriptions(dataVersion: Int64)
    case read([Subscription], dataVersion: Int64, fingerprint: Int, warnings: Set<RowWarning>)
  }

  /// `PRAGMA data_version` tells this connection whether any other one, of this process or another, has committed.
  /// This one never writes, so it misses none.
  func changedSubscriptions(since version: StoreVersion?) throws(StoreError) -> SubscriptionSnapshot? {
    let look = try read { (database) throws -> Look in
      // Only here: opening the file anew, which `read` may do, forgets what an earlier connection saw.
      let known = version == watch.version ? watch : Watch()
      let dataVersion = try Int64.fetchOne(database, sql: "PRAGMA data_version") ?? 0
      if dataVersion == known.dataVersion { return .unchanged }
      if let fingerprint = known.fingerprint, try SubscriptionReader.fingerprint(database) == fingerprint {
        return .sameSubscriptions(dataVersion: dataVersion)
      }
      var reader = SubscriptionReader()
      let subscriptions = try reader.all(database)
      return .read(
        subscriptions, dataVersion: dataVersion, fingerprint: reader.fingerprint, warnings: reader.warnings)
    }

    switch look {
    case .unchanged:
      return nil
    case .sameSubscriptions(let dataVersion):
      watch.dataVersion = dataVersion
      return nil
    case .read(let subscriptions, let dataVersion, let fingerprint, let warnings):
      report(warnings.subtracting(watch.warnings))
      watch = Watch(
        version: StoreVersion(rawValue: watch.version.rawValue + 1), dataVersion: dataVersion,
        fingerprint: fingerprint, warnings: warnings)
      return SubscriptionSnapshot(version: watch.version, subscriptions: subscriptions)
    }
  }

  private func report(_ warnings: Set<RowWarning>) {
    for warning in warnings.sorted(by: { ($0.subscription ?? 0, $0.problem) < ($1.subscription ?? 0, $1.problem) }) {
      logger.warning(
        "unusable row in the store",
        metadata: [
          "subscription": "\(warning.subscription.map(String.init) ?? "-")", "problem": "\(warning.problem)",
        ])
    }
  }
}
