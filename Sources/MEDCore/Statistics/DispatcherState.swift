/// What a running dispatcher looks like at one moment: for `DebugAddr`, `medctl stats` and whoever embeds it.
///
/// Holds no secrets: no URLs, no parameters, no message bodies. In JSON the names are written in snake case.
public struct DispatcherState: Codable, Sendable, Equatable {
  /// Of the program; empty unless whoever embeds the dispatcher sets it.
  public var version = ""
  /// When it was taken: seconds since 1970.
  public var time: Double = 0
  /// How long the process has been there; 0 if that can't be known.
  public var processUptimeSeconds: Double = 0
  /// How long the dispatcher has been running.
  public var uptimeSeconds: Double = 0
  /// It takes nothing new and finishes what it has.
  public var isStopping = false
  /// Memory of the process that is in RAM; 0 if that can't be known.
  public var residentBytes = 0
  public var counters = DispatcherCounters()
  /// Pushes of all lanes.
  public var rates = PushRates()
  /// Pieces of work that a stop waits for.
  public var workUnderWay = 0
  public var queueServers: [QueueServerState] = []
  public var lanes = LanesState()
  public var directory = DirectoryState()
  /// nil: the DATA log tells nothing of itself.
  public var dataLog: DataLogState?

  public init() {}
}

/// Pushes that have ended, by the whole second in which they did.
public struct PushRates: Codable, Sendable, Equatable {
  /// Delivered and failed ones, in the last whole second.
  public var pushesLastSecond = 0
  public var failuresLastSecond = 0
  /// In the last ten whole seconds: divide by ten for a rate.
  public var pushesLast10Seconds = 0
  public var failuresLast10Seconds = 0

  public init() {}
}

/// One queue server, as the dispatcher has it.
public struct QueueServerState: Codable, Sendable, Equatable {
  public var address = ""
  public var isReachable = false
  /// How long it has been so.
  public var secondsSinceChange: Double = 0
  /// What went wrong last; stays after it was mended.
  public var latestError: String?
  /// Connections that are up, of those that put, delete and kick, and of those that take channel jobs.
  public var commandConnectionsUp = 0
  public var takeConnectionsUp = 0
  /// Listeners on the main queue, and those of them that are connected.
  public var listeners = 0
  public var listenersUp = 0
  /// Calls for puts that aren't answered yet.
  public var putsUnderWay = 0
  /// Jobs to be deleted or kicked that the server hasn't confirmed yet.
  public var unsettled = 0
  public var deleted = 0
  public var kicked = 0
  /// Messages of its main queue that wait for the store, the DATA log or another server.
  public var parked = 0
  /// Messages of its main queue that leave the common way at the moment.
  public var exceptions = 0
  /// Jobs that may lie buried with nobody to care for them; they are looked at and kicked.
  public var adrift = 0
  /// Bytes of commands that the kernel hasn't taken yet.
  public var unsentBytes = 0
  /// Tubes that are watched so that others can see that somebody works on them.
  public var heldTubes = 0
  /// Lanes that wait for their turn to take jobs.
  public var lanesWaiting = 0
  /// Tubes of nobody here, as of the last look.
  public var foreignTubes = 0

  public init() {}
}

/// The lanes that are awake: channels and retry channels with something to do. The others have none.
public struct LanesState: Codable, Sendable, Equatable {
  public var awake = 0
  public var inFlight = 0
  public var parked = 0
  /// Those with most to do first; at most ``LaneListing/maximum``.
  public var listed: [LaneState] = []
  /// Lanes that are awake and not listed.
  public var unlisted = 0

  public init() {}
}

public struct LaneState: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable {
    case channel, retry
  }

  public var subscription = 0
  public var topic = ""
  public var kind = Kind.channel
  /// The subscription was cancelled, or the dispatcher stops: it finishes what it has.
  public var isLeaving = false
  /// Pushes that may run at once.
  public var concurrency = 0
  public var inFlight = 0
  /// Jobs in hand whose push hasn't begun.
  public var waiting = 0
  /// Ready jobs that are known to be in the tube and haven't been taken: a hint, not a count.
  public var announced = 0
  /// Jobs of the tube that are known to become ready later.
  public var delayed = 0
  /// Messages that wait for a queue server or the DATA log.
  public var parked = 0
  public var rates = PushRates()

  public init() {}
}

/// What is known of the subscriptions.
public struct DirectoryState: Codable, Sendable, Equatable {
  public var subscriptions = 0
  public var topics = 0
  /// Topics that are known to have no subscription.
  public var absentTopics = 0
  /// How long ago the store last answered; nil: it hasn't yet.
  public var secondsSinceRefresh: Double?
  /// The state in force is that of an earlier run.
  public var isFromSnapshot = false
  /// nil: the store answers.
  public var storeError: String?
  public var snapshotError: String?

  public init() {}
}

/// How the DATA log does.
public struct DataLogState: Codable, Sendable, Equatable {
  public var isWritable = true
  /// The last failure, also one that was made good since, and when it was: RFC 3339, UTC.
  public var lastError: String?
  public var lastErrorTime: String?
  public var recordsWritten: UInt64 = 0
  public var recordsDropped: UInt64 = 0
  public var commitsFailed: UInt64 = 0
  public var commitsWaiting = 0
  public var bytesHeld = 0
  public var path: String?

  public init() {}
}
