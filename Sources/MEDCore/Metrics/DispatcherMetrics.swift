/// Everything worth watching in a running dispatcher at one moment: ``prometheusText`` has it for Prometheus.
///
/// Subscriptions are in it by themselves if they have pushed something in the last hour or something waits for them; the
/// ``maximumSubscriptions`` with most to do, the rest is counted. Holds no secrets: no URLs, no parameters, no texts of
/// errors, no message bodies.
public struct DispatcherMetrics: Sendable {
  /// Subscriptions that are told by themselves.
  public static let maximumSubscriptions = 1_000

  /// One subscription.
  public struct Subscription: Sendable {
    /// The key of its topic.
    public var topic = ""
    /// Its number.
    public var subscription = 0
    /// Pushes that were acknowledged, since it was heard of first.
    public var delivered: UInt64 = 0
    /// Pushes that were not.
    public var failed: UInt64 = 0
    /// Where its messages wait for their first push.
    public var channel = Queue()
    /// Where they wait for the next one.
    public var retryChannel = Queue()

    /// One that has done nothing.
    public init() {}
  }

  /// A channel or a retry channel.
  public struct Queue: Sendable {
    /// What waits in it.
    public var jobs = JobCounts()
    /// Pushes under way.
    public var inFlight = 0

    /// An empty one.
    public init() {}
  }

  /// How often a command was carried out.
  public struct Command: Sendable {
    /// As it is called.
    public var name: String
    /// Times that it was answered with a result.
    public var finished: UInt64
    /// Times that it failed.
    public var failed: UInt64

    /// A command with its counts.
    public init(name: String, finished: UInt64, failed: UInt64) {
      (self.name, self.finished, self.failed) = (name, finished, failed)
    }
  }

  /// Without lanes.
  public var state = DispatcherState()
  /// What the kernel says of the process.
  public var process = ProcessState()
  /// What waits in all channels.
  public var channels = JobCounts()
  /// What waits in all retry channels.
  public var retryChannels = JobCounts()
  /// Those with most to do.
  public var subscriptions: [Subscription] = []
  /// Subscriptions that belong there and found no place.
  public var leftOut = 0
  /// Subscriptions whose pushes are counted by themselves.
  public var counted = 0
  /// How often one wasn't, as too many are, since the start.
  public var uncounted: UInt64 = 0
  /// Of the control panel's server; empty unless whoever embeds the dispatcher runs one and sets it.
  public var commands: [Command] = []
  /// What the program is, by label: `version`, `revision`. Empty unless whoever embeds the dispatcher sets it.
  public var build: [(label: StaticString, value: String)] = []

  /// Of a dispatcher that has done nothing.
  public init() {}
}
