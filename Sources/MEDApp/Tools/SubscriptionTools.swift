import MEDCore

/// `medctl subscriptions set` and `cancel`. A running dispatcher follows within `[Store] RefreshInterval`.
public enum SubscriptionTools {
  /// - Returns: the subscription as it was before.
  /// - Throws: if there is no subscription by that id, ``UsageError``, or what keeps the store from working.
  public static func set(_ change: ParameterChange, of id: Int, _ settings: Settings) async throws
    -> ListedSubscription
  {
    try await StoreAccess.with(settings) { store in
      let listed = try await find(id, store)
      try change.check(against: listed.subscription)
      try await store.setParameters(change.stored, of: id)
      return listed
    }
  }

  /// - Returns: the subscription as it was before: maybe cancelled already.
  public static func cancel(_ id: Int, _ settings: Settings) async throws -> ListedSubscription {
    try await StoreAccess.with(settings) { store in
      let listed = try await find(id, store)
      if !listed.isCancelled { try await store.cancelSubscription(id) }
      return listed
    }
  }

  private static func find(_ id: Int, _ store: any SubscriptionEditor) async throws -> ListedSubscription {
    guard let listed = try await store.subscription(id) else {
      throw SystemError(message: "there is no subscription \(id); medctl subscriptions list shows all")
    }
    return listed
  }
}
