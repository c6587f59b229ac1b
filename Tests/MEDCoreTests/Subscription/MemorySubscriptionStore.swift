@testable import MEDCore

/// A store that is told what to hold and when to fail, and whose answers can be held back.
actor MemorySubscriptionStore: SubscriptionStore {
  private(set) var subscriptions: [Subscription]
  private var version: Int64 = 1
  private(set) var isDown = false
  private(set) var lookups: [String] = []
  private(set) var refreshes = 0
  private var isHeld = false
  private var held: [CheckedContinuation<Void, Never>] = []
  private var cancelsNext = false

  init(_ subscriptions: [Subscription] = []) { self.subscriptions = subscriptions }

  func set(_ subscriptions: [Subscription]) {
    self.subscriptions = subscriptions
    version += 1
  }

  func set(isDown: Bool) { self.isDown = isDown }
  func hold() { isHeld = true }
  func cancelNext() { cancelsNext = true }

  /// How many calls wait for ``letGo()``.
  var heldCount: Int { held.count }

  func letGo() {
    isHeld = false
    for continuation in held { continuation.resume() }
    held = []
  }

  func subscriptions(changedSince since: StoreVersion?) async throws -> SubscriptionSnapshot? {
    refreshes += 1
    let now = StoreVersion(rawValue: version)
    let answer = since == now ? nil : SubscriptionSnapshot(version: now, subscriptions: subscriptions)
    try await wait()
    return answer
  }

  func subscriptions(ofTopic topic: String) async throws -> [Subscription] {
    lookups.append(topic)
    let answer = subscriptions.filter { $0.topic == topic }
    try await wait()
    return answer
  }

  private func wait() async throws {
    if isDown { throw StoreError(.unavailable, "down") }
    if isHeld { await withCheckedContinuation { held.append($0) } }
    if cancelsNext {
      cancelsNext = false
      throw CancellationError()
    }
  }
}

extension Subscription {
  static func make(_ id: Int, _ topic: String, _ parameters: [String: String] = [:]) -> Subscription {
    Subscription(id: id, topic: topic, receptionChannel: "http://127.0.0.1/\(id)", parameters: parameters)
  }
}
