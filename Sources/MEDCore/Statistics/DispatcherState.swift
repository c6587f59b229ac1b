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
  /// What it has done since it started.
  public var counters = DispatcherCounters()
  /// Pushes of all lanes.
  public var rates = PushRates()
  /// What became of them since the start.
  public var pushes = PushTotals()
  /// Pieces of work that a stop waits for.
  public var workUnderWay = 0
  /// Each of them, in the order of the configuration.
  public var queueServers: [QueueServerState] = []
  /// Who takes jobs and pushes them; none in a ``Redistributor``.
  public var lanes = LanesState()
  /// What is known of the subscriptions.
  public var directory = DirectoryState()
  /// nil: the DATA log tells nothing of itself.
  public var dataLog: DataLogState?
  /// The failure log; nil: none is kept.
  public var failureLog: FailureLogState?
  /// The recover lists; nil: there are none.
  public var recoverLists: RecoverListsState?
  /// nil: no alerts are raised here.
  public var alerts: AlertsState?
  /// The control panel's server; nil unless whoever embeds the dispatcher runs one and sets it.
  public var rpc: RPCState?

  /// Of a dispatcher that has done nothing.
  public init() {}
}

/// One queue server, as the dispatcher has it.
public struct QueueServerState: Codable, Sendable, Equatable {
  /// `host:port`, an IPv6 address in brackets.
  public var address = ""
  /// Whether commands can be sent to it.
  public var isReachable = false
  /// How long it has been so; 0 if that isn't known.
  public var secondsSinceChange: Double = 0
  /// What went wrong last; stays after it was mended.
  public var latestError: String?
  /// Connections that are up, of those that put, delete and kick.
  public var commandConnectionsUp = 0
  /// Connections that are up, of those that take from channels and retry channels.
  public var takeConnectionsUp = 0
  /// Listeners on the main queue that haven't ended.
  public var listeners = 0
  /// Listeners that are connected.
  public var listenersUp = 0
  /// Calls for puts that aren't answered yet.
  public var putsUnderWay = 0
  /// Jobs to be deleted or kicked that the server hasn't confirmed yet.
  public var unsettled = 0
  /// What waits in its main queue, as it was seen last.
  public var mainQueue = JobCounts()
  /// Jobs that it has deleted since the start, or that it didn't have any more.
  public var deleted = 0
  /// Jobs that it has given back to their tubes since the start, or that weren't buried any more.
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

  /// Of a server that nothing is known of.
  public init() {}
}

/// The lanes that are awake: channels and retry channels with something to do. The others have none.
public struct LanesState: Codable, Sendable, Equatable {
  /// How many there are, with those that leave.
  public var awake = 0
  /// Pushes under way, over all lanes.
  public var inFlight = 0
  /// Messages that wait for a queue server or the DATA log, over all lanes.
  public var parked = 0
  /// Those with most to do first; at most ``LaneListing/maximum``.
  public var listed: [LaneState] = []
  /// Lanes that are awake and not listed.
  public var unlisted = 0

  /// No lane is awake.
  public init() {}
}

/// One lane: a channel or a retry channel with something to do.
public struct LaneState: Codable, Sendable, Equatable {
  /// What it takes from.
  public enum Kind: String, Codable, Sendable {
    /// The channel: messages at their first push.
    case channel
    /// The retry channel: messages that have failed, each after its delay.
    case retry
  }

  /// The subscription's number.
  public var subscription = 0
  /// The key of the subscription's topic.
  public var topic = ""
  /// Which of the two lanes that a subscription may have.
  public var kind = Kind.channel
  /// The subscription was cancelled or has other tubes now, or the dispatcher stops: it finishes what it has.
  public var isLeaving = false
  /// Pushes that may run at once.
  public var concurrency = 0
  /// Pushes under way; more than ``concurrency`` for a while after that was lowered.
  public var inFlight = 0
  /// Jobs in hand whose push hasn't begun.
  public var waiting = 0
  /// Ready jobs that are known to be in the tube and haven't been taken: a hint, not a count.
  public var announced = 0
  /// Jobs of the tube that are known to become ready later.
  public var delayed = 0
  /// Messages that wait for a queue server or the DATA log.
  public var parked = 0
  /// Its pushes, also those before it woke.
  public var rates = PushRates()

  /// A lane without work.
  public init() {}
}

/// What is known of the subscriptions.
public struct DirectoryState: Codable, Sendable, Equatable {
  /// How many are live, also those that get no copies here.
  public var subscriptions = 0
  /// How many topics they have.
  public var topics = 0
  /// Topics that are known to have no subscription.
  public var absentTopics = 0
  /// How long ago the store last answered; nil: it hasn't yet.
  public var secondsSinceRefresh: Double?
  /// The state in force is that of an earlier run.
  public var isFromSnapshot = false
  /// nil: the store answers.
  public var storeError: String?
  /// Times that the store has failed since the start.
  public var storeErrors: UInt64 = 0
  /// Why the snapshot, or a file of parameters, could not be written the last time; nil: it could, or none is kept.
  public var snapshotError: String?

  /// Nothing is known.
  public init() {}
}

/// How the DATA log does. Counts are since it was made.
public struct DataLogState: Codable, Sendable, Equatable {
  /// False from a failure that left records unwritten until the next success. True before the first record.
  public var isWritable = true
  /// The last failure, also one that was made good since.
  public var lastError: String?
  /// When that was: RFC 3339, UTC, microseconds.
  public var lastErrorTime: String?
  /// Records written to a file, those that must not be lost once they were synced.
  public var recordsWritten: UInt64 = 0
  /// Records of what exists elsewhere too that were lost, as the buffer was full or the log was closed.
  public var recordsDropped: UInt64 = 0
  /// Records that must not be lost and could not be written: their jobs stay where they are.
  public var commitsFailed: UInt64 = 0
  /// Calls of fsync.
  public var syncs: UInt64 = 0
  /// Commits of such records that wait for the disk now.
  public var commitsWaiting = 0
  /// Bytes in memory: waiting to be written, or written and not yet synced.
  public var bytesHeld = 0
  /// The file that is written now; nil before the first record and after a failure.
  public var path: String?

  /// Nothing has happened yet.
  public init() {}
}

/// How the failure log does.
public struct FailureLogState: Codable, Sendable, Equatable {
  /// Messages whose rows wait for the store, or are on their way there.
  public var waiting = 0
  /// Rows since the start that could not be written, and are in the error log instead.
  public var lost: UInt64 = 0

  /// Nothing has failed.
  public init() {}
}

/// The recover lists, as the dispatcher has them.
public struct RecoverListsState: Codable, Sendable, Equatable {
  /// Whether they could be read the last time.
  public var isReachable = false
  /// `host:port` of the server in use; nil if none is.
  public var address: String?
  /// Why they couldn't be read; stays after it was mended.
  public var latestError: String?
  /// Lists that are known and may have entries.
  public var lists = 0
  /// Keys that are named like a recover list and are none.
  public var strangers = 0
  /// Entries that wait for the DATA log.
  public var waiting = 0
  /// Lists of dead processes that were taken up since the start.
  public var adopted: UInt64 = 0
  /// Entries that were too large to be read and were put aside since the start.
  public var setAside: UInt64 = 0

  /// Nothing is known.
  public init() {}
}
