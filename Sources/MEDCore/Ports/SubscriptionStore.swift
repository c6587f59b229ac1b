/// Where subscriptions and their parameters are kept. Called from the engine's loop; works on threads of its own.
public protocol SubscriptionStore: Sendable {
  /// All live subscriptions (status 0) of all topics, with one query; nil if nothing has changed since `version`.
  func subscriptions(changedSince version: StoreVersion?) async throws -> SubscriptionSnapshot?

  /// The live subscriptions of one topic; empty if there are none, or no such topic.
  func subscriptions(ofTopic topic: String) async throws -> [Subscription]
}

/// An opaque mark of a state of the store.
public struct StoreVersion: Hashable, Sendable {
  /// The store's own number.
  public let rawValue: Int64

  /// A version of that number.
  public init(rawValue: Int64) { self.rawValue = rawValue }
}

/// All live subscriptions at one moment.
public struct SubscriptionSnapshot: Sendable {
  /// Of the state; nil if the store has none.
  public var version: StoreVersion?
  /// Those that are live.
  public var subscriptions: [Subscription]

  /// A state of the store.
  public init(version: StoreVersion?, subscriptions: [Subscription]) {
    self.version = version
    self.subscriptions = subscriptions
  }
}

/// A subscriber's wish to get one topic.
public struct Subscription: Sendable, Equatable {
  /// Its number: part of channel names and of the `jobid`.
  public let id: Int
  /// The topic's key, as messages name it.
  public let topic: String
  /// The topic's row, 0 if there is none.
  public let topicID: Int
  /// The subscriber's row, 0 if there is none.
  public let subscriberID: Int
  /// `reception_channel`: one URL per line, each maybe with a `[T_ENV:<name>]` tag.
  public let receptionChannel: String
  /// Rows of `subscription_params` as they are: name → text. Read by ``SubscriptionParameters``.
  public let parameters: [String: String]

  /// A live subscription.
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

extension Subscription {
  /// The same with other parameters.
  public func with(parameters: [String: String]) -> Subscription {
    Subscription(
      id: id, topic: topic, topicID: topicID, subscriberID: subscriberID, receptionChannel: receptionChannel,
      parameters: parameters)
  }

  /// The same with some parameters changed, nil for taken away.
  func setting(_ changes: [String: String?]) -> Subscription {
    var parameters = parameters
    for (name, text) in changes { parameters[name] = text }
    return with(parameters: parameters)
  }
}
