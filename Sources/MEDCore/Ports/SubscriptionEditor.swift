/// Changes what a store holds: for control commands and tools.
///
/// Values are kept as text and not judged here; ``ParameterTable/validate(_:_:)`` does that before.
public protocol SubscriptionEditor: SubscriptionStore {
  /// All subscriptions, cancelled ones too, in the order of their ids.
  func listSubscriptions() async throws(StoreError) -> [ListedSubscription]

  /// A page of them, in the order of their ids.
  /// - Parameters:
  ///   - id: only those with a greater one; 0: from the first one on.
  ///   - topic: only those of the topic with this key; nil: of all.
  ///   - isCancelled: only those that are, or aren't; nil: all.
  ///   - limit: so many at most, at least 1.
  func listSubscriptions(
    after id: Int, topic: String?, isCancelled: Bool?, limit: Int
  ) async throws(StoreError) -> [ListedSubscription]

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

  /// Replaces `reception_channel`.
  /// - Parameters:
  ///   - urls: its lines, each maybe with a `[T_ENV:<name>]` tag; at least one.
  ///   - id: of the subscription.
  /// - Throws: `.notFound`, `.invalid` (an unusable URL), or what keeps the store from working.
  func setURLs(_ urls: [String], of id: Int) async throws(StoreError)

  /// Sets status 1. Cancelling a cancelled one changes nothing.
  /// - Throws: `.notFound`, or what keeps the store from working.
  func cancelSubscription(_ id: Int) async throws(StoreError)
}

extension SubscriptionEditor {
  /// For stores that can't read a page by itself: reads all.
  public func listSubscriptions(
    after id: Int, topic: String?, isCancelled: Bool?, limit: Int
  ) async throws(StoreError) -> [ListedSubscription] {
    let all = try await listSubscriptions()
    let chosen = all.lazy.filter { listed in
      listed.subscription.id > id && (topic == nil || listed.subscription.topic == topic)
        && (isCancelled == nil || listed.isCancelled == isCancelled)
    }
    return Array(chosen.prefix(limit))
  }

  /// For stores that can't.
  public func setURLs(_ urls: [String], of id: Int) async throws(StoreError) {
    throw StoreError(.invalid, "this store can't change URLs")
  }

  /// Looks whether a subscription can be added.
  /// - Parameters:
  ///   - topic: its key.
  ///   - urls: its lines.
  ///   - subscriber: its key.
  /// - Returns: the text of its `reception_channel`.
  /// - Throws: `.invalid`, naming what is wrong.
  public static func receptionChannel(
    ofNew topic: String, _ urls: [String], subscriber: String
  ) throws(StoreError) -> String {
    guard !topic.isEmpty, !topic.contains("\0") else { throw StoreError(.invalid, "a topic needs a name") }
    guard !subscriber.isEmpty else { throw StoreError(.invalid, "a subscriber needs a name") }
    return try receptionChannel(urls)
  }

  /// The text of `reception_channel` for these lines.
  /// - Throws: `.invalid`, naming what can't be pushed to.
  public static func receptionChannel(_ urls: [String]) throws(StoreError) -> String {
    guard !urls.isEmpty else { throw StoreError(.invalid, "a subscription needs a URL") }
    let text = urls.joined(separator: "\n")
    if let ignored = Targets.parse(text, environment: "").ignored.first {
      throw StoreError(.invalid, "URL \(ignored.line): \(ignored.reason)")
    }
    return text
  }
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
