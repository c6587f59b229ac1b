import Foundation
import GRDB
import MEDCore

extension SQLiteStore: SubscriptionEditor {
  /// All subscriptions, cancelled ones included.
  public func listSubscriptions() async throws(StoreError) -> [ListedSubscription] {
    try await writer.read { try SubscriptionList.read($0, id: nil) }
  }

  /// A page of them; reads no more than that.
  public func listSubscriptions(
    after id: Int, topic: String?, isCancelled: Bool?, limit: Int
  ) async throws(StoreError) -> [ListedSubscription] {
    try await writer.read {
      try SubscriptionList.page($0, after: id, topic: topic, isCancelled: isCancelled, limit: limit)
    }
  }

  /// One subscription; nil if there is none by that id.
  public func subscription(_ id: Int) async throws(StoreError) -> ListedSubscription? {
    try await writer.read { try SubscriptionList.read($0, id: id).first }
  }

  /// Adds a subscription, with topic and subscriber if they are new.
  public func addSubscription(
    topic: String, urls: [String], subscriber: String, parameters: [String: String] = [:]
  ) async throws(StoreError) -> Int {
    let receptionChannel = try Self.receptionChannel(ofNew: topic, urls, subscriber: subscriber)
    let now = Int(Date().timeIntervalSince1970)
    return try await writer.write { database in
      let topicID = try SubscriptionRows.find(
        in: "message_classes", "class_id", where: "class_key", is: topic, database,
        orInsert: [("class_name", topic), ("class_key", topic), ("comment", ""), ("create_time", now)])
      let subscriberID = try SubscriptionRows.find(
        in: "subscribers", "subscriber_id", where: "subscriber_key", is: subscriber, database,
        orInsert: [("subscriber_name", subscriber), ("subscriber_key", subscriber)])
      let id = try SubscriptionRows.insert(
        into: "subscriptions", idColumn: "subscription_id",
        [
          ("message_class_id", topicID), ("subscriber_id", subscriberID), ("reception_channel", receptionChannel),
          ("status", 0), ("subscribe_time", now), ("timeout", 0),
        ], database)
      // Ids may be given again in tables made by hand: nothing of an earlier owner stays in force.
      try database.execute(sql: "DELETE FROM subscription_params WHERE subscription_id = ?", arguments: [id])
      try SubscriptionRows.set(parameters.mapValues { $0 }, of: id, database)
      return id
    }
  }

  /// Sets parameters by name; nil takes one back to its default.
  public func setParameters(_ parameters: [String: String?], of id: Int) async throws(StoreError) {
    try await writer.write { database in
      guard try SubscriptionRows.exists(id, database) else { throw Self.notFound(id) }
      try SubscriptionRows.set(parameters, of: id, database)
    }
  }

  /// Cancels a subscription: nothing is pushed any more.
  public func cancelSubscription(_ id: Int) async throws(StoreError) {
    try await writer.write { database in
      guard try SubscriptionRows.exists(id, database) else { throw Self.notFound(id) }
      try database.execute(sql: "UPDATE subscriptions SET status = 1 WHERE subscription_id = ?", arguments: [id])
    }
  }

  /// Replaces the URLs.
  public func setURLs(_ urls: [String], of id: Int) async throws(StoreError) {
    let receptionChannel = try Self.receptionChannel(urls)
    try await writer.write { database in
      guard try SubscriptionRows.exists(id, database) else { throw Self.notFound(id) }
      try database.execute(
        sql: "UPDATE subscriptions SET reception_channel = ? WHERE subscription_id = ?",
        arguments: [receptionChannel, id])
    }
  }

  private static func notFound(_ id: Int) -> StoreError { StoreError(.notFound, "there is no subscription \(id)") }
}
