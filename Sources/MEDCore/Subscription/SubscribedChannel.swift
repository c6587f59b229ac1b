import Synchronization

/// A live subscription, ready for use: tube names, targets and parameters read once and shared by intake and lanes.
///
/// Never changes: another state of the subscription is another object with another generation. About 1 KB in all.
public final class SubscribedChannel: Sendable {
  /// As the store has it.
  public let subscription: Subscription
  /// nil: the topic gives no valid tube names; its messages are recorded (REDISTFAIL).
  public let names: ChannelNames?
  /// Where to push to.
  public let targets: Targets
  /// As they are in force.
  public let parameters: SubscriptionParameters
  /// What pushes are signed with; only with PayloadFormat "json".
  public let signingKeys: SigningKeys?
  /// No two objects have the same.
  public let generation: UInt64
  /// Whether this dispatcher gives it copies: one at the bench only serves those that ask for bench messages.
  public let getsCopies: Bool
  /// Whether there are backlogs at which it gets no copy (SPEC §4, drop policy). Asked for every copy.
  let mayDrop: Bool

  private static let generations = Atomic<UInt64>(0)

  /// The subscription's number.
  public var id: Int { subscription.id }
  /// The subscription's topic.
  public var topic: String { subscription.topic }

  /// - Returns: the channel, and what was wrong with the subscription's rows.
  static func make(
    _ subscription: Subscription, _ rules: ChannelRules
  ) -> (channel: SubscribedChannel, warnings: [SubscriptionWarning]) {
    let (parameters, wrong) = rules.parameters.read(subscription.parameters)
    let lines = parameters.receptionUri.trimmed.isEmpty ? subscription.receptionChannel : parameters.receptionUri
    let (targets, ignored) = Targets.parse(lines, environment: rules.environment)
    let names = ChannelNames(topic: subscription.topic, prefix: rules.channelPrefix, subscription: subscription.id)

    var warnings = wrong.map { SubscriptionWarning(subscription: subscription.id, text: "\($0)") }
    warnings += ignored.map {
      SubscriptionWarning(subscription: subscription.id, text: "URL in line \($0.line) is not used: \($0.reason)")
    }
    if names == nil {
      warnings.append(SubscriptionWarning(subscription: subscription.id, text: "the topic gives no valid tube name"))
    }
    let channel = SubscribedChannel(
      subscription, names, targets, parameters,
      getsCopies: !rules.runsAtBench || parameters.receivesBenchMessages)
    return (channel, warnings)
  }

  private init(
    _ subscription: Subscription, _ names: ChannelNames?, _ targets: Targets, _ parameters: SubscriptionParameters,
    getsCopies: Bool
  ) {
    self.subscription = subscription
    self.names = names
    self.targets = targets
    self.parameters = parameters
    signingKeys = parameters.payloadFormat == .json ? SigningKeys(parameters.signingSecret) : nil
    self.getsCopies = getsCopies
    mayDrop = names != nil && parameters.dropMessageThreshold > 0 && parameters.dropAction != .keep
    generation = Self.generations.wrappingAdd(1, ordering: .relaxed).newValue
  }
}

/// What of the configuration goes into every channel.
public struct ChannelRules: Sendable {
  /// `PrefixOfChannelQueue`
  public var channelPrefix: String
  /// `RECEPTION_ENV`
  public var environment: String
  /// `RunAtBench`
  public var runsAtBench: Bool
  /// Names, defaults and bounds of the parameters.
  public var parameters: ParameterTable

  /// Rules as the configuration has them.
  public init(
    channelPrefix: String = "sub-queue/", environment: String = "", runsAtBench: Bool = false,
    defaults: SubscriptionDefaults = .init()
  ) {
    self.channelPrefix = channelPrefix
    self.environment = environment
    self.runsAtBench = runsAtBench
    parameters = ParameterTable(defaults)
  }
}

/// Something in a subscription's rows that an operator should look at.
public struct SubscriptionWarning: Sendable, Equatable {
  /// Its number.
  public let subscription: Int
  /// What is wrong.
  public let text: String
}

/// Whose a tube is.
public struct TubeOwner: Sendable, Equatable {
  /// Its number.
  public let subscription: Int
  /// Whether it is the retry channel.
  public let isRetry: Bool
}

/// Ids of subscriptions by what has become of them.
public struct SubscriptionChanges: Sendable, Equatable {
  /// New ones.
  public var added: [Int] = []
  /// Those that were there, in another state.
  public var changed: [Int] = []
  /// Those that are gone.
  public var cancelled: [Int] = []

  /// Nothing has changed.
  public init() {}

  /// Whether nothing has changed.
  public var isEmpty: Bool { added.isEmpty && changed.isEmpty && cancelled.isEmpty }
}
