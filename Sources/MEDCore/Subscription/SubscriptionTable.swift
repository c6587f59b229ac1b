/// A state of all subscriptions, found by topic, by id and by tube.
///
/// A value: the next one is made from the present one and a snapshot without touching it, so that the work can be done
/// anywhere and only the swap takes place on the loop.
struct SubscriptionTable: Sendable {
  /// Those that get copies; empty for a topic whose subscriptions all get none here.
  private(set) var byTopic: [String: [SubscribedChannel]] = [:]
  private(set) var byID: [Int: SubscribedChannel] = [:]
  private(set) var byTube: [TubeName: TubeOwner] = [:]

  /// What a snapshot makes of a table.
  struct Plan: Sendable {
    var table: SubscriptionTable
    var changes = SubscriptionChanges()
    var warnings: [SubscriptionWarning] = []
  }

  /// The table that `subscriptions` make. Those that are unchanged keep their object.
  /// - Parameter rebuilds: make all objects anew, because the rules have changed.
  func next(_ subscriptions: [Subscription], _ rules: ChannelRules, rebuilds: Bool = false) -> Plan {
    var plan = Plan(table: SubscriptionTable())
    plan.table.byID.reserveCapacity(subscriptions.count)
    for subscription in subscriptions {
      let id = subscription.id
      guard plan.table.byID[id] == nil else {
        plan.warnings.append(SubscriptionWarning(subscription: id, text: "there is another row with this id"))
        continue
      }
      let present = byID[id]
      if let present, !rebuilds, present.subscription == subscription {
        plan.table.keep(present)
        continue
      }
      plan.warnings += plan.table.add(subscription, rules)
      if present == nil { plan.changes.added.append(id) } else { plan.changes.changed.append(id) }
    }
    for id in byID.keys where plan.table.byID[id] == nil { plan.changes.cancelled.append(id) }
    plan.changes.cancelled.sort()
    return plan
  }

  /// Takes what a lookup of one topic has found.
  mutating func merge(
    _ subscriptions: [Subscription], of topic: String, _ rules: ChannelRules
  ) -> (changes: SubscriptionChanges, warnings: [SubscriptionWarning]) {
    var changes = SubscriptionChanges()
    var warnings: [SubscriptionWarning] = []
    // A store may match names less strictly than by bytes; the topic asked for is the message's.
    for found in subscriptions where found.topic == topic {
      if let present = byID[found.id] {
        if present.subscription == found { continue }
        remove(present)
        changes.changed.append(found.id)
      } else {
        changes.added.append(found.id)
      }
      warnings += add(found, rules)
    }
    return (changes, warnings)
  }

  /// Puts another state of a subscription in the place of the present one. Without one nothing happens.
  mutating func replace(_ subscription: Subscription, _ rules: ChannelRules) -> [SubscriptionWarning] {
    guard let present = byID[subscription.id] else { return [] }
    remove(present)
    return add(subscription, rules)
  }

  /// Takes over channels of another table that this one doesn't have.
  mutating func adopt(_ channels: [SubscribedChannel]) {
    for channel in channels where byID[channel.id] == nil { keep(channel) }
  }

  private mutating func add(_ subscription: Subscription, _ rules: ChannelRules) -> [SubscriptionWarning] {
    let (channel, warnings) = SubscribedChannel.make(subscription, rules)
    keep(channel)
    return warnings
  }

  private mutating func keep(_ channel: SubscribedChannel) {
    byID[channel.id] = channel
    if channel.getsCopies {
      byTopic[channel.topic, default: []].append(channel)
    } else if byTopic[channel.topic] == nil {
      byTopic[channel.topic] = []
    }
    if let names = channel.names {
      byTube[names.channel] = TubeOwner(subscription: channel.id, isRetry: false)
      byTube[names.retry] = TubeOwner(subscription: channel.id, isRetry: true)
    }
  }

  private mutating func remove(_ channel: SubscribedChannel) {
    byID[channel.id] = nil
    byTopic[channel.topic]?.removeAll { $0.id == channel.id }
    if byTopic[channel.topic]?.isEmpty == true { byTopic[channel.topic] = nil }
    if let names = channel.names {
      byTube[names.channel] = nil
      byTube[names.retry] = nil
    }
  }
}
