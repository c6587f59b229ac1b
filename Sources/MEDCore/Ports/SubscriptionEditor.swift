/// Changes what a store holds: for control commands and tools.
///
/// Values are kept as text and not judged here; ``ParameterTable/validate(_:_:)`` does that before.
public protocol SubscriptionEditor: SubscriptionStore {
  /// All subscriptions, cancelled ones too, in the order of their ids.
  func listSubscriptions() async throws(StoreError) -> [ListedSubscription]

  /// One subscription, also if it is cancelled; nil if there is none by that id.
  func subscription(_ id: Int) async throws(StoreError) -> ListedSubscription?

  /// Adds a subscription of `topic`; topic and subscriber are made if they aren't there.
  /// - Parameters:
  ///   - topic: its key, not empty.
  ///   - urls: lines of `reception_channel`, each maybe with a `[T_ENV:<name>]` tag; at least one.
  ///   - subscriber: its key.
  ///   - parameters: texts by name.
  /// - Returns: the id of the subscription.
  /// - Throws: `.invalid` (an empty topic, an unusable URL), `.constraint`, or what keeps the store from working.
  func addSubscription(
    topic: String, urls: [String], subscriber: String, parameters: [String: String]
  ) async throws(StoreError) -> Int

  /// Stores parameters; those that aren't named keep their values, nil takes one away. All or nothing.
  /// - Throws: `.notFound`, or what keeps the store from working.
  func setParameters(_ parameters: [String: String?], of id: Int) async throws(StoreError)

  /// Sets status 1. Cancelling a cancelled one changes nothing.
  /// - Throws: `.notFound`, or what keeps the store from working.
  func cancelSubscription(_ id: Int) async throws(StoreError)
}

/// A subscription as tools show it.
public struct ListedSubscription: Sendable, Equatable {
  /// What is pushed where.
  public var subscription: Subscription
  /// Who has subscribed.
  public var subscriber: String
  /// `status` as it is in the table: 0 normal, 1 cancelled.
  public var status: Int

  /// Whether nothing is pushed any more.
  public var isCancelled: Bool { status != 0 }

  /// A row of the list.
  public init(subscription: Subscription, subscriber: String, status: Int) {
    self.subscription = subscription
    self.subscriber = subscriber
    self.status = status
  }
}
