/// A store that holds what it was given: for embedders whose subscriptions don't change.
public struct FixedSubscriptions: SubscriptionStore {
  private let subscriptions: [Subscription]
  private let byTopic: [String: [Subscription]]
  private static let version = StoreVersion(rawValue: 1)

  /// Subscriptions that never change.
  public init(_ subscriptions: [Subscription]) {
    self.subscriptions = subscriptions
    byTopic = Dictionary(grouping: subscriptions, by: \.topic)
  }

  /// All of them the first time, then nil: nothing has changed.
  public func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot? {
    version == Self.version ? nil : SubscriptionSnapshot(version: Self.version, subscriptions: subscriptions)
  }

  /// Those of one topic.
  public func subscriptions(ofTopic topic: String) async throws -> [Subscription] { byTopic[topic] ?? [] }
}
