import MEDCore

extension MySQLStore: SubscriptionEditor {
  /// All subscriptions, cancelled ones included.
  public func listSubscriptions() async throws(StoreError) -> [ListedSubscription] {
    try await writer.listed(nil)
  }

  /// A page of them; reads no more than that.
  public func listSubscriptions(
    after id: Int, topic: String?, isCancelled: Bool?, limit: Int
  ) async throws(StoreError) -> [ListedSubscription] {
    try await writer.page(after: id, topic, isCancelled, limit)
  }

  /// One subscription; nil if there is none by that id.
  public func subscription(_ id: Int) async throws(StoreError) -> ListedSubscription? {
    try await writer.listed(id).first
  }

  /// Adds a subscription, with topic and subscriber if they are new.
  public func addSubscription(
    topic: String, urls: [String], subscriber: String, parameters: [String: String] = [:]
  ) async throws(StoreError) -> Int {
    let receptionChannel = try Self.receptionChannel(ofNew: topic, urls, subscriber: subscriber)
    return try await writer.add(topic, receptionChannel, subscriber, parameters)
  }

  /// Sets parameters by name; nil takes one back to its default.
  public func setParameters(_ parameters: [String: String?], of id: Int) async throws(StoreError) {
    try await writer.set(parameters, of: id)
  }

  /// Replaces the URLs.
  public func setURLs(_ urls: [String], of id: Int) async throws(StoreError) {
    try await writer.setReceptionChannel(Self.receptionChannel(urls), of: id)
  }

  /// Cancels a subscription: nothing is pushed any more.
  public func cancelSubscription(_ id: Int) async throws(StoreError) {
    try await writer.cancel(id)
  }
}

extension MySQLConnection {
  func listed(_ id: Int?) throws(StoreError) -> [ListedSubscription] {
    try read { handle throws(StoreError) in try SubscriptionList.read(handle, id: id) }
  }

  func page(
    after id: Int, _ topic: String?, _ isCancelled: Bool?, _ limit: Int
  ) throws(StoreError) -> [ListedSubscription] {
    try read { handle throws(StoreError) in
      try SubscriptionList.page(handle, after: id, topic: topic, isCancelled: isCancelled, limit: limit)
    }
  }

  func add(
    _ topic: String, _ receptionChannel: String, _ subscriber: String, _ parameters: [String: String]
  ) throws(StoreError) -> Int {
    let now = MySQLValue.integer(RecordTime.now().microseconds / 1_000_000)
    return try write { handle throws(StoreError) in
      let topicID = try SubscriptionRows.find(
        in: "message_classes", "class_id", where: "class_key", is: topic, handle,
        orInsert: [
          ("class_name", .text(topic)), ("class_key", .text(topic)), ("comment", .text("")), ("create_time", now),
        ])
      let subscriberID = try SubscriptionRows.find(
        in: "subscribers", "subscriber_id", where: "subscriber_key", is: subscriber, handle,
        orInsert: [("subscriber_name", .text(subscriber)), ("subscriber_key", .text(subscriber))])
      let id = try SubscriptionRows.insert(
        into: "subscriptions", idColumn: "subscription_id",
        [
          ("message_class_id", .id(topicID)), ("subscriber_id", .id(subscriberID)),
          ("reception_channel", .text(receptionChannel)), ("status", .integer(0)), ("subscribe_time", now),
          ("timeout", .integer(0)),
        ], handle)
      // Ids may be given again in tables made by hand: nothing of an earlier owner stays in force.
      try handle.execute("DELETE FROM subscription_params WHERE subscription_id = ?", [.id(id)])
      try SubscriptionRows.set(parameters.mapValues { $0 }, of: id, handle)
      return id
    }
  }

  func set(_ parameters: [String: String?], of id: Int) throws(StoreError) {
    try write { handle throws(StoreError) in
      guard try SubscriptionRows.exists(id, handle) else { throw Self.notFound(id) }
      try SubscriptionRows.set(parameters, of: id, handle)
    }
  }

  func setReceptionChannel(_ text: String, of id: Int) throws(StoreError) {
    try write { handle throws(StoreError) in
      guard try SubscriptionRows.exists(id, handle) else { throw Self.notFound(id) }
      try handle.execute(
        "UPDATE subscriptions SET reception_channel = ? WHERE subscription_id = ?", [.text(text), .id(id)])
    }
  }

  func cancel(_ id: Int) throws(StoreError) {
    try write { handle throws(StoreError) in
      guard try SubscriptionRows.exists(id, handle) else { throw Self.notFound(id) }
      try handle.execute("UPDATE subscriptions SET status = 1 WHERE subscription_id = ?", [.id(id)])
    }
  }

  private static func notFound(_ id: Int) -> StoreError { StoreError(.notFound, "there is no subscription \(id)") }
}
