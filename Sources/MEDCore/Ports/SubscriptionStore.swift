/// Where subscriptions and their parameters are kept. Called from the engine's loop; works on threads of its own.
public protocol SubscriptionStore: Sendable {
  /// All live subscriptions (status 0) of all topics, with one query; nil if nothing has changed since `version`.
  func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot?

  /// The live subscriptions of one topic; empty if there are none, or no such topic.
  func subscriptions(ofTopic topic: String) async throws -> [Subscription]
}

/// An opaque mark of a state of the store.
public struct StoreVersion: Hashable, Sendable {
  public let rawValue: Int64

  public init(rawValue: Int64) { self.rawValue = rawValue }
}

public struct SubscriptionSnapshot: Sendable {
  public var version: StoreVersion?
  public var subscriptions: [Subscription]

  public init(version: StoreVersion?, subscriptions: [Subscription]) {
    self.version = version
    self.subscriptions = subscriptions
  }
}

/// A subscriber's wish to get one topic.
public struct Subscription: Sendable, Equatable {
  public let id: Int
  public let topic: String
  public let topicID: Int
  public let subscriberID: Int
  /// `reception_channel`: one URL per line, each maybe with a `[T_ENV:<name>]` tag.
  public let receptionChannel: String
  /// Rows of `subscription_params` as they are: name → text. Read by ``SubscriptionParameters``.
  public let parameters: [String: String]

  public init(
    id: Int, topic: String, topicID: Int = 0, subscriberID: Int = 0, receptionChannel: String,
    parameters: [String: String] = [:]
  ) {
    self.id = id
    self.topic = topic
    self.topicID = topicID
    self.subscriberID = subscriberID
    self.receptionChannel = receptionChannel
    self.parameters = parameters
  }
}
