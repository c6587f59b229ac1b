#if canImport(Testing)
  import MEDCore

  /// What every store of subscriptions has to do, whatever it is kept in (SPEC §7).
  ///
  /// - Parameter store: empty.
  public func expectConformance<Store: SubscriptionEditor>(of store: Store) async throws {
    try await expectEmpty(store)
    let (first, second) = try await expectAdding(store)
    try await expectChangesAreNoticed(store, first)
    try await expectCancelling(store, first, second)
    try await expectPages(store, cancelled: first, second)
    try await expectURLs(store, second)
    try await expectRefusals(store, second)
  }

  private func expectEmpty(_ store: some SubscriptionEditor) async throws {
    let snapshot = try require(try await store.subscriptions(changedSince: nil), "the first read gives a state")
    expect(snapshot.subscriptions.isEmpty)
    expect(try await store.subscriptions(ofTopic: "order_paid").isEmpty)
    expect(try await store.listSubscriptions().isEmpty)
    expect(try await store.subscription(1), is: nil)
  }

  private func expectAdding(_ store: some SubscriptionEditor) async throws -> (Int, Int) {
    let first = try await store.addSubscription(
      topic: "order_paid", urls: ["http://127.0.0.1/a", "[T_ENV:blue]http://127.0.0.1/b"], subscriber: "shop",
      parameters: ["Concurrency": "5", "AlerterReceiver": "ü'\"; --"])
    let second = try await store.addSubscription(
      topic: "order_paid", urls: ["http://127.0.0.1/c"], subscriber: "shop", parameters: [:])
    let third = try await store.addSubscription(
      topic: "Order_paid", urls: ["http://127.0.0.1/d"], subscriber: "bank", parameters: [:])
    expect(Set([first, second, third]).count, is: 3)

    let ofTopic = try await store.subscriptions(ofTopic: "order_paid")
    expect(ofTopic.map(\.id), is: [first, second].sorted())
    let found = try require(ofTopic.first { $0.id == first })
    expect(found.topic, is: "order_paid")
    expect(found.receptionChannel, is: "http://127.0.0.1/a\n[T_ENV:blue]http://127.0.0.1/b")
    expect(found.parameters, is: ["Concurrency": "5", "AlerterReceiver": "ü'\"; --"])
    expect(ofTopic[0].topicID, is: ofTopic[1].topicID, "one class for one topic")
    expect(ofTopic[0].subscriberID, is: ofTopic[1].subscriberID, "one subscriber for one name")

    let all = try require(try await store.subscriptions(changedSince: nil)).subscriptions
    expect(all.map(\.id), is: all.map(\.id).sorted())
    expect(all.filter { $0.topic == "order_paid" } == ofTopic, "both ways to read give the same")
    expect(try await store.subscriptions(ofTopic: "Order_paid").map(\.id), is: [third], "a topic is its bytes")
    let listed = try require(try await store.subscription(third))
    expect(listed.subscriber, is: "bank")
    expect(!listed.isCancelled)
    return (first, second)
  }

  private func expectChangesAreNoticed(_ store: some SubscriptionEditor, _ id: Int) async throws {
    let before = try require(try await store.subscriptions(changedSince: nil))
    if before.version != nil { expect(try await store.subscriptions(changedSince: before.version) == nil) }

    try await store.setParameters(["Concurrency": "7", "ProcessTimeout": "100", "AlerterReceiver": nil], of: id)
    let after = try require(try await store.subscriptions(changedSince: before.version), "our own change is noticed")
    let changed = try require(after.subscriptions.first { $0.id == id })
    expect(changed.parameters, is: ["Concurrency": "7", "ProcessTimeout": "100"])
    expect(try await store.subscriptions(ofTopic: "order_paid").first { $0.id == id } == changed)

    try await store.setParameters(["IntervalOfSending": "1"], of: id)
    let kept = try require(try await store.subscription(id)).subscription.parameters
    expect(kept, is: ["Concurrency": "7", "ProcessTimeout": "100", "IntervalOfSending": "1"])
  }

  private func expectCancelling(_ store: some SubscriptionEditor, _ first: Int, _ second: Int) async throws {
    let before = try require(try await store.subscriptions(changedSince: nil))
    try await store.cancelSubscription(first)
    try await store.cancelSubscription(first)
    expect(try await store.subscriptions(ofTopic: "order_paid").map(\.id), is: [second])
    let after = try require(try await store.subscriptions(changedSince: before.version))
    expect(!after.subscriptions.contains { $0.id == first })
    expect(try require(try await store.subscription(first)).isCancelled)
    expect(try await store.listSubscriptions().count, is: 3)
  }

  private func expectPages(_ store: some SubscriptionEditor, cancelled: Int, _ second: Int) async throws {
    func ask(_ topic: String? = nil, _ isCancelled: Bool? = nil) async throws -> [ListedSubscription] {
      try await store.listSubscriptions(after: 0, topic: topic, isCancelled: isCancelled, limit: 100)
    }
    let all = try await store.listSubscriptions()
    expect(try await ask() == all)
    expect(try await ask("order_paid").map(\.subscription.id), is: [cancelled, second].sorted())
    expect(try await ask("Order_paid").map(\.subscriber), is: ["bank"], "a topic is its bytes")
    expect(try await ask(nil, true).map(\.subscription.id), is: [cancelled])
    expect(try await ask("order_paid", false).map(\.subscription.id), is: [second])
    expect(try await ask("nobody's").isEmpty)
    var pages: [ListedSubscription] = []
    for _ in all {
      let page = try await store.listSubscriptions(
        after: pages.last?.subscription.id ?? 0, topic: nil, isCancelled: nil, limit: 1)
      expect(page.count, is: 1)
      pages += page
    }
    expect(pages == all)
    let last = all.last?.subscription.id ?? 0
    expect(try await store.listSubscriptions(after: last, topic: nil, isCancelled: nil, limit: 1).isEmpty)
  }

  private func expectURLs(_ store: some SubscriptionEditor, _ id: Int) async throws {
    let before = try require(try await store.subscriptions(changedSince: nil))
    try await store.setURLs(["http://127.0.0.1/new", "[T_ENV:blue]http://127.0.0.1/b"], of: id)
    let after = try require(try await store.subscriptions(changedSince: before.version), "a new URL is noticed")
    expect(
      after.subscriptions.first { $0.id == id }?.receptionChannel,
      is: "http://127.0.0.1/new\n[T_ENV:blue]http://127.0.0.1/b")
  }

  private func expectRefusals(_ store: some SubscriptionEditor, _ id: Int) async throws {
    let unknown = 1_000_000
    await expect(.notFound) { try await store.setParameters(["Concurrency": "1"], of: unknown) }
    await expect(.notFound) { try await store.cancelSubscription(unknown) }
    await expect(.notFound) { try await store.setURLs(["http://a/"], of: unknown) }
    await expect(.invalid) { try await store.setURLs([], of: id) }
    await expect(.invalid) { try await store.setURLs(["nowhere"], of: id) }
    await expect(.invalid) { try await store.setParameters(["IntervalOfSending": "9", "": "1"], of: id) }
    await expect(.invalid) {
      _ = try await store.addSubscription(topic: "", urls: ["http://a/"], subscriber: "s", parameters: [:])
    }
    await expect(.invalid) {
      _ = try await store.addSubscription(topic: "t", urls: ["nowhere"], subscriber: "s", parameters: [:])
    }
    await expect(.invalid) {
      _ = try await store.addSubscription(topic: "t", urls: [], subscriber: "s", parameters: [:])
    }
    expect(try require(try await store.subscription(id)).subscription.parameters, is: [:], "all or nothing")
    expect(try await store.subscriptions(ofTopic: "t").isEmpty)
  }

  private func expect(_ code: StoreError.Code, _ body: () async throws -> Void) async {
    do {
      try await body()
      expect(false, "expected \(code)")
    } catch {
      expect((error as? StoreError)?.code, is: code)
    }
  }
#endif
