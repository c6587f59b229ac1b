import MEDCore

extension MySQLConnection {
  /// Columns without which nothing can be dispatched.
  private static let needed: [(table: String, columns: [String])] = [
    ("message_classes", ["class_id", "class_key"]),
    ("subscriptions", ["subscription_id", "message_class_id", "subscriber_id", "reception_channel", "status"]),
    ("subscription_params", ["subscription_id", "param_name", "param_value"]),
  ]

  /// - Throws: `.schema` with the first table or column that is missing.
  func check() throws(StoreError) {
    try read { handle throws(StoreError) in
      for (table, columns) in Self.needed {
        let found = try TableColumn.read(of: table, handle)
        guard !found.isEmpty else {
          throw StoreError(.schema, "there is no table \(table); medctl schema --mysql prints all of them")
        }
        for column in columns where found[column] == nil {
          throw StoreError(.schema, "table \(table) has no column \(column)")
        }
      }
    }
  }

  func subscriptions(ofTopic topic: String) throws(StoreError) -> [Subscription] {
    try read { handle throws(StoreError) in try SubscriptionReader.subscriptions(ofTopic: topic, handle) }
  }

  /// MySQL tells nobody that something has changed, so all rows are read and compared by a fingerprint; objects are made
  /// only if it is another one.
  func changedSubscriptions(since version: StoreVersion?) throws(StoreError) -> SubscriptionSnapshot? {
    let known = version == watch.version ? watch.fingerprint : nil
    let look = try read { handle throws(StoreError) -> (Int, [Subscription], Set<RowWarning>)? in
      let rows = try SubscriptionReader.all(handle)
      let fingerprint = try SubscriptionReader.fingerprint(rows)
      if fingerprint == known { return nil }
      rows.rewind()
      var reader = SubscriptionReader()
      let subscriptions = try reader.read(rows)
      return (fingerprint, subscriptions, reader.warnings)
    }
    guard let (fingerprint, subscriptions, warnings) = look else { return nil }
    report(warnings.subtracting(watch.warnings))
    watch = Watch(
      version: StoreVersion(rawValue: watch.version.rawValue + 1), fingerprint: fingerprint, warnings: warnings)
    return SubscriptionSnapshot(version: watch.version, subscriptions: subscriptions)
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
