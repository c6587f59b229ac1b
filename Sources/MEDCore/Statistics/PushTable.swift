import DequeModule

/// What one subscription has pushed, from its channel and from its retry channel. Confined to the engine's loop.
///
/// Outlives its lanes, which come and go with their messages.
final class SubscriptionPushes {
  let subscription: Int
  let topic: String
  private var ofChannel = PushHistory()
  private var ofRetryChannel = PushHistory()

  init(subscription: Int, topic: String) {
    self.subscription = subscription
    self.topic = topic
  }

  func count(_ kind: Lane.Kind, isFailure: Bool, in second: Int) {
    if kind == .channel {
      ofChannel.count(isFailure: isFailure, in: second)
    } else {
      ofRetryChannel.count(isFailure: isFailure, in: second)
    }
  }

  func history(_ kind: Lane.Kind) -> PushHistory { kind == .channel ? ofChannel : ofRetryChannel }

  /// Of both together.
  func rates(at second: Int) -> PushRates { ofChannel.rates(at: second) + ofRetryChannel.rates(at: second) }
  var pushes: UInt64 { ofChannel.pushes + ofRetryChannel.pushes }
  var failures: UInt64 { ofChannel.failures + ofRetryChannel.failures }
  func pushesOfHour(at second: Int) -> Int {
    ofChannel.pushesOfHour(at: second) + ofRetryChannel.pushesOfHour(at: second)
  }

  /// - Returns: whether nothing is left to be told.
  func trim(at second: Int) -> Bool {
    ofChannel.trim(at: second)
    ofRetryChannel.trim(at: second)
    return ofChannel.isOver && ofRetryChannel.isOver
  }
}

/// The subscriptions that have pushed something within a day.
///
/// Bound: ``maximum`` subscriptions. One that finds no place is counted with all others together and not by itself, until
/// it wakes again and there is room. ``tend(at:)`` looks at a few each second, so that those without pushes cost nothing:
/// they are forgotten after a day, and at most ``maximum`` / ``looks`` seconds.
struct PushTable {
  static let maximum = 100_000
  /// Subscriptions looked at in a second.
  static let looks = 100

  private let maximum: Int
  private var subscriptions: [Int: SubscriptionPushes] = [:]
  /// In the order in which they are looked at: each once.
  private var round: Deque<Int> = []
  /// How often one found no place since the start.
  private(set) var refused: UInt64 = 0

  init(maximum: Int = Self.maximum) { self.maximum = maximum }

  var count: Int { subscriptions.count }
  /// Their numbers.
  var ids: [Int] { Array(subscriptions.keys) }
  subscript(id: Int) -> SubscriptionPushes? { subscriptions[id] }

  /// Where a lane counts its pushes, for as long as it is awake.
  mutating func pushes(of channel: SubscribedChannel) -> SubscriptionPushes {
    let known = subscriptions[channel.id]
    if let known, known.topic == channel.topic { return known }
    let pushes = SubscriptionPushes(subscription: channel.id, topic: channel.topic)
    guard known != nil || subscriptions.count < maximum else {
      refused += 1
      return pushes
    }
    if known == nil { round.append(channel.id) }
    subscriptions[channel.id] = pushes
    return pushes
  }

  /// Gives back memory, and forgets subscriptions that have pushed nothing for a day and have no lane.
  mutating func tend(at second: Int) {
    for _ in 0..<min(Self.looks, round.count) {
      guard let id = round.popFirst(), subscriptions[id] != nil else { continue }
      if subscriptions[id]?.trim(at: second) == true, isForgotten(id) { continue }
      round.append(id)
    }
  }

  private mutating func isForgotten(_ id: Int) -> Bool {
    guard var pushes = subscriptions.removeValue(forKey: id) else { return true }
    if isKnownUniquelyReferenced(&pushes) { return true }
    subscriptions[id] = pushes
    return false
  }
}
