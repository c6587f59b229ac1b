import MEDCore

/// Which tube belongs to what: names are computed from the subscriptions and matched, never parsed.
struct TubeRoles: Sendable {
  struct Role: Sendable, Equatable {
    enum Kind: String, Sendable {
      case main, channel, retry
    }

    let kind: Kind
    var subscription: Int?
    var topic: String?
  }

  private var roles: [String: Role] = [:]

  init(mainQueue: String, channelPrefix: String, subscriptions: [ListedSubscription]) {
    for listed in subscriptions where !listed.isCancelled {
      let subscription = listed.subscription
      guard
        let names = ChannelNames(topic: subscription.topic, prefix: channelPrefix, subscription: subscription.id)
      else { continue }
      roles[names.channel.description] = Role(
        kind: .channel, subscription: subscription.id, topic: subscription.topic)
      roles[names.retry.description] = Role(kind: .retry, subscription: subscription.id, topic: subscription.topic)
    }
    roles[mainQueue] = Role(kind: .main)
  }

  func role(of tube: String) -> Role? { roles[tube] }
}
