@testable import MEDCore

/// A store that can be changed, and that can be down.
actor MemorySubscriptionEditor: SubscriptionEditor {
  private var rows: [ListedSubscription]
  private var version: Int64 = 1
  private var isDown = false
  private var isHeld = false
  private var held: [CheckedContinuation<Void, Never>] = []
  private(set) var changes: [[String: String?]] = []

  init(_ subscriptions: [Subscription], cancelled: [Subscription] = []) {
    rows =
      subscriptions.map { ListedSubscription(subscription: $0, subscriber: "s", status: 0) }
      + cancelled.map { ListedSubscription(subscription: $0, subscriber: "s", status: 1) }
  }

  func set(isDown: Bool) { self.isDown = isDown }

  /// Changes wait, before they are made, until ``letGo()``.
  func hold() { isHeld = true }
  var heldCount: Int { held.count }

  func letGo() {
    isHeld = false
    for continuation in held { continuation.resume() }
    held = []
  }

  func add(_ subscription: Subscription) {
    rows.append(ListedSubscription(subscription: subscription, subscriber: "s", status: 0))
    version += 1
  }

  private func check() throws(StoreError) {
    if isDown { throw StoreError(.unavailable, "it is down") }
  }

  func subscriptions(changedSince since: StoreVersion?) async throws -> SubscriptionSnapshot? {
    try check()
    let now = StoreVersion(rawValue: version)
    if since == now { return nil }
    return SubscriptionSnapshot(version: now, subscriptions: rows.filter { !$0.isCancelled }.map(\.subscription))
  }

  func subscriptions(ofTopic topic: String) async throws -> [Subscription] {
    try check()
    return rows.filter { !$0.isCancelled && $0.subscription.topic == topic }.map(\.subscription)
  }

  func listSubscriptions() async throws(StoreError) -> [ListedSubscription] {
    try check()
    return rows
  }

  func subscription(_ id: Int) async throws(StoreError) -> ListedSubscription? {
    try check()
    return rows.first { $0.subscription.id == id }
  }

  func addSubscription(
    topic: String, urls: [String], subscriber: String, parameters: [String: String]
  ) async throws(StoreError) -> Int { throw StoreError(.invalid, "not here") }

  func setParameters(_ parameters: [String: String?], of id: Int) async throws(StoreError) {
    if isHeld { await withCheckedContinuation { held.append($0) } }
    try check()
    guard let index = rows.firstIndex(where: { $0.subscription.id == id }) else {
      throw StoreError(.notFound, "there is no subscription \(id)")
    }
    changes.append(parameters)
    rows[index].subscription = rows[index].subscription.setting(parameters)
    version += 1
  }

  func cancelSubscription(_ id: Int) async throws(StoreError) { throw StoreError(.invalid, "not here") }
}
