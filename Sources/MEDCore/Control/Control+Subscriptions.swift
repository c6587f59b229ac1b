import Logging

/// Subscriptions: looked at, added, changed, cancelled. What is changed is stored, then in force at once.
extension Control {
  /// URLs of one subscription.
  public static let maximumURLs = 1_000
  /// Bytes of all URLs of one subscription, with a line's end behind each: as many as a `TEXT` column of MySQL holds.
  public static let maximumURLBytes = 65_535
  /// Bytes of the name of a subscriber.
  public static let maximumSubscriberBytes = 255

  /// A page of subscriptions, as ``SubscriptionEditor/listSubscriptions(after:topic:isCancelled:limit:)`` has it.
  public func subscriptions(
    after id: Int, topic: String?, isCancelled: Bool?, limit: Int
  ) async throws(ControlError) -> [ListedSubscription] {
    let store = try editor()
    do throws(StoreError) {
      return try await store.listSubscriptions(after: id, topic: topic, isCancelled: isCancelled, limit: limit)
    } catch {
      throw ControlError(error)
    }
  }

  /// One subscription, as it is in the store.
  /// - Throws: `.notFound`, `.unavailable`.
  public func subscription(_ id: Int) async throws(ControlError) -> ListedSubscription {
    let store = try editor()
    let found: ListedSubscription?
    do throws(StoreError) { found = try await store.subscription(id) } catch { throw ControlError(error) }
    guard let found else { throw Self.noSubscription(id) }
    return found
  }

  /// Adds a subscription; it gets its first copies of messages that are redistributed from now on.
  /// - Parameters:
  ///   - topic: its key; made if it is new.
  ///   - urls: where it is pushed to, each maybe with a `[T_ENV:<name>]` tag.
  ///   - subscriber: its key; made if it is new.
  ///   - parameters: texts by name.
  /// - Returns: its number.
  /// - Throws: `.invalidArgument`, `.outOfBounds`, naming what was found and what is allowed; `.unavailable`.
  public func addSubscription(
    topic: String, urls: [String], subscriber: String, parameters: [String: String]
  ) async throws(ControlError) -> Int {
    let store = try editor()
    guard
      let engine = await dispatcher.runner.door.enter({ engine in
        (engine.context.directory.parameterTable, engine.context.configuration.channelPrefix)
      })
    else { throw Self.notRunning }
    // The longest name that it may get.
    guard ChannelNames(topic: topic, prefix: engine.1, subscription: Int(Int32.max)) != nil else {
      throw ControlError(
        .invalidArgument,
        "topic: \(JSONValue.string(topic).shown) gives no name of a tube: 1 ... \(TubeName.maximumLength) bytes with what"
          + " is appended, letters, digits and -+/;.$_()")
    }
    guard !subscriber.isEmpty, subscriber.utf8.count <= Self.maximumSubscriberBytes,
      !subscriber.unicodeScalars.contains(where: \.isControl)
    else {
      throw ControlError(
        .invalidArgument, "subscriber: expected 1 ... \(Self.maximumSubscriberBytes) bytes without control characters")
    }
    try Self.check(urls)
    let texts = try Self.judge(parameters.mapValues { $0 }, by: engine.0).compactMapValues { $0 }
    try await turns.take()
    defer { turns.leave() }
    let id: Int
    do throws(StoreError) {
      id = try await store.addSubscription(topic: topic, urls: urls, subscriber: subscriber, parameters: texts)
    } catch {
      throw ControlError(error)
    }
    await lookAgain()
    logger.info(
      "a subscription was added by a command",
      metadata: [LogKey.subscription: "\(id)", LogKey.topic: "\(topic)"])
    return id
  }

  /// Replaces a subscription's URLs. Pushes in flight end as they began.
  /// - Throws: `.notFound`, `.invalidArgument`, `.unavailable`.
  public func setURLs(_ urls: [String], of id: Int) async throws(ControlError) {
    try Self.check(urls)
    try await change(id, "the URLs of a subscription were changed by a command") { store throws(StoreError) in
      try await store.setURLs(urls, of: id)
    }
  }

  /// Cancels a subscription: no further copies, pushes in flight end. Once more changes nothing.
  /// - Throws: `.notFound`, `.unavailable`.
  public func cancelSubscription(_ id: Int) async throws(ControlError) {
    try await change(id, "a subscription was cancelled by a command") { store throws(StoreError) in
      try await store.cancelSubscription(id)
    }
  }

  /// The parameters with their bounds and defaults, of the configuration in force.
  public func parameterTable() async throws(ControlError) -> ParameterTable {
    guard let table = await dispatcher.runner.door.enter({ $0.context.directory.parameterTable }) else {
      throw Self.notRunning
    }
    return table
  }

  /// What was set by ``ControlCommand/setDefaultAlarm(_:)``; what is nil is as the config file has it.
  public func defaultAlarm() throws(ControlError) -> DefaultAlarm {
    guard let alarms else { throw ControlError(.unavailable, "there is no place to keep the default alarm") }
    return alarms.current
  }

  /// Whose tubes these are, by their names; those of nobody here aren't in it.
  /// - Parameter tubes: asked for on the engine's loop: a thousand at a time at most.
  public func owners(ofTubes tubes: [String]) async -> [String: (owner: TubeOwner, topic: String)] {
    await dispatcher.runner.door.enter { engine in
      var owners: [String: (owner: TubeOwner, topic: String)] = [:]
      for tube in tubes {
        guard let owner = engine.context.directory.owner(ofTube: tube) else { continue }
        owners[tube] = (owner, engine.context.directory.channel(owner.subscription)?.topic ?? "")
      }
      return owners
    } ?? [:]
  }

  // MARK: -

  static func noSubscription(_ id: Int) -> ControlError { ControlError(.notFound, "there is no subscription \(id)") }

  private func editor() throws(ControlError) -> any SubscriptionEditor {
    guard let store else { throw ControlError(.unavailable, "subscriptions can't be changed here") }
    return store
  }

  private func change(
    _ id: Int, _ message: Logger.Message, _ body: (any SubscriptionEditor) async throws(StoreError) -> Void
  ) async throws(ControlError) {
    let store = try editor()
    try await turns.take()
    defer { turns.leave() }
    do throws(StoreError) { try await body(store) } catch { throw ControlError(error) }
    await lookAgain()
    logger.info(message, metadata: [LogKey.subscription: "\(id)"])
  }

  /// So that what was stored is in force when the command is answered.
  private func lookAgain() async {
    await dispatcher.runner.door.enter { await $0.context.directory.refresh() }
  }

  private static func check(_ urls: [String]) throws(ControlError) {
    guard (1...maximumURLs).contains(urls.count) else {
      throw ControlError(.invalidArgument, "urls: expected 1 ... \(maximumURLs), got \(urls.count)")
    }
    guard urls.reduce(0, { $0 + $1.utf8.count + 1 }) <= maximumURLBytes else {
      throw ControlError(.outOfBounds, "urls: expected at most \(maximumURLBytes) bytes in all")
    }
    for (index, url) in urls.enumerated() where url.unicodeScalars.contains(where: \.isControl) || url.trimmed.isEmpty {
      throw ControlError(.invalidArgument, "urls: number \(index + 1) is empty or holds control characters")
    }
  }
}
