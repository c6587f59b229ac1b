/// How a dispatcher works. Names as in the configuration file, see Docs/etc/medispatcher.toml.
///
/// What is marked *live* may change while it runs, see ``Dispatcher/reconfigure(_:)``; the rest counts from its start.
public struct DispatcherConfiguration: Sendable {
  /// The tube that producers put messages into.
  public var mainQueue: TubeName
  /// Listeners on the main queue, for each queue server: 1 ... 100.
  public var listenersOfMainQueue = 1
  /// Between topic and subscription id in the name of a channel.
  public var channelPrefix = "sub-queue/"
  /// Whether jobs that a dead dispatcher left buried are kicked at the start, where nobody can be at work on them. They are
  /// counted and logged in any case.
  public var kicksOrphansAtStart = false
  /// How many takes from channels may be under way on one queue server: its connections for that.
  public var takesPerServer = 2
  /// What holds for subscriptions that set nothing, and what they may set at most. Live: in force with the next push.
  public var defaults = SubscriptionDefaults()
  /// When failed pushes are repeated, and how often. Live: for what fails from then on; what is delayed already keeps its
  /// delay.
  public var retrySchedule = RetrySchedule()
  /// Whether every push is recorded on the DATA log (SENT, RESENT). Live.
  public var logsSentMessages = true
  /// Headers that hand on the message's Context and Owl_context.
  public var contextHeader = "X-Jumei-Context"
  /// The header for Owl_context.
  public var owlContextHeader = "X-Jumei-Owl-Context"
  /// Which tagged URLs are used, see ``Targets``. Live.
  public var receptionEnvironment = ""
  /// Whether this is a stress test: only subscriptions with `ReceiveBenchMsgs` get copies.
  public var runsAtBench = false
  /// How often changes of the subscriptions are looked for. Live.
  public var refreshInterval = Duration.seconds(10)
  /// Where snapshots are kept for a start without the store, and what the failure log hasn't taken yet; nil for neither.
  public var dataDirectory: String?
  /// How this host names itself in the failure log; nil: by its first address that isn't the loopback.
  public var hostAddress: String?
  /// How long rows of the failure log may be written yet when stopping; the rest is left for the next start.
  public var failureLogDeadline = Duration.seconds(2)
  /// How long deletes and kicks may take after the last push has ended, when stopping.
  public var settleDeadline = Duration.seconds(1.5)
  /// How soon a message that must wait is tried again at first, and at most how long it waits between two tries.
  public var parkingPauses = Duration.milliseconds(500)...Duration.seconds(10)
  /// A copy that no queue server takes is tried again after this, then after four times as long.
  public var placementPause = Duration.milliseconds(100)

  /// The defaults, with that main queue.
  public init(mainQueue: TubeName) {
    self.mainQueue = mainQueue
  }

  /// Takes what is live from `other`, and nothing else.
  mutating func takeLive(from other: DispatcherConfiguration) {
    defaults = other.defaults
    retrySchedule = other.retrySchedule
    logsSentMessages = other.logsSentMessages
    receptionEnvironment = other.receptionEnvironment
    refreshInterval = other.refreshInterval
  }

  /// What of it goes into every channel.
  var channelRules: ChannelRules {
    ChannelRules(
      channelPrefix: channelPrefix, environment: receptionEnvironment, runsAtBench: runsAtBench, defaults: defaults)
  }
}
