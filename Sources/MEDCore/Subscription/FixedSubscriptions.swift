/// A store that holds what it was given: for embedders whose subscriptions don't change.
public struct FixedSubscriptions: SubscriptionStore {
  private let subscriptions: [Subscription]
  private let byTopic: [String: [Subscription]]
  private static let version = StoreVersion(rawValue: 1)

  public init(_ subscriptions: [Subscription]) {
    self.subscriptions = subscriptions
    byTopic = Dictionary(grouping: subscriptions, by: \.topic)
  }

  public func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot? {
    version == Self.version ? nil : SubscriptionSnapshot(version: Self.version, subscriptions: subscriptions)
  }

  public func subscriptions(ofTopic topic: String) async throws -> [Subscription] { byTopic[topic] ?? [] }
}
