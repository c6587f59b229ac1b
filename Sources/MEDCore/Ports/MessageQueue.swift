import MEDLoop

/// Where messages wait: one or more queue servers with tubes.
///
/// The value itself only knows how to connect; ``open(on:)`` gives the sessions that the engine works with. Those are
/// confined to the loop: every call is made on it, and every answer arrives on it.
public protocol MessageQueue: Sendable {
  /// One session for each server, in the order of the configuration. Returns at once; connecting goes on behind.
  func open(on actor: isolated LoopActor) -> [any QueueServer]
}

/// `host:port` of a queue server, as the configuration names it.
public struct QueueServerAddress: Hashable, Sendable, CustomStringConvertible {
  /// beanstalkd's.
  public static let defaultPort: UInt16 = 11300

  /// A name or an address; IPv6 without brackets.
  public let host: String
  /// 1 ... 65535.
  public let port: UInt16

  /// An address that is known to be one; `init(parsing:)` in MEDBeanstalk reads text.
  public init(host: String, port: UInt16 = defaultPort) {
    self.host = host
    self.port = port
  }

  /// `host:port`, an IPv6 address in brackets.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What a job is known by. Job ids start anew when a queue server restarts, so the server's run belongs to it.
public struct JobID: Hashable, Sendable {
  /// Which run of the server: an ordinal that the session gives to each instance `id` it has seen in `stats`.
  public let instance: UInt32
  /// The id that the server gave.
  public let number: UInt64

  /// The job of that number in that run.
  public init(instance: UInt32, number: UInt64) {
    self.instance = instance
    self.number = number
  }
}

/// A job that is ours until it is deleted or given back: its BURIED has been read, or it is kept reserved.
public struct Job: Sendable {
  /// What it is known by.
  public let id: JobID
  /// The tube it lies in.
  public let tube: TubeName
  /// The bytes that were put.
  public let body: [UInt8]

  /// A job that was taken.
  public init(id: JobID, tube: TubeName, body: [UInt8]) {
    self.id = id
    self.tube = tube
    self.body = body
  }
}

/// One job to be stored.
public struct Put: Sendable {
  /// The priority of jobs for which none is named.
  public static let priority: UInt32 = 1024

  /// Where it is to lie.
  public let tube: TubeName
  /// Opaque bytes.
  public let body: [UInt8]
  /// Whole seconds until the job becomes ready.
  public let delay: UInt32
  /// 0 is the most urgent.
  public let priority: UInt32
  /// Whole seconds that a worker may keep the job after reserving it; nil for what the session is configured with.
  public let timeToRun: UInt32?

  /// A job that becomes ready after `delay` seconds.
  public init(
    tube: TubeName, body: [UInt8], delay: UInt32 = 0, priority: UInt32 = Put.priority, timeToRun: UInt32? = nil
  ) {
    self.tube = tube
    self.body = body
    self.delay = delay
    self.priority = priority
    self.timeToRun = timeToRun
  }
}

/// What became of a put.
public enum PutOutcome: Sendable, Equatable {
  /// Confirmed by the server, with the id that it gave. (A put answered BURIED is stored too, and kicked.)
  case stored(UInt64)
  /// JOB_TOO_BIG: final, no other server will take it.
  case tooBig
  /// The server answered and did not store it: OUT_OF_MEMORY, INTERNAL_ERROR, DRAINING, a refused tube.
  case refused(String)
  /// Sent, but the connection broke before the answer: stored or not, nobody knows.
  case unanswered
  /// Not sent: the server can't be reached.
  case unavailable
}

/// What became of a delete or a kick.
public enum SettleOutcome: Sendable, Equatable {
  /// Done: DELETED, KICKED, or found to be somebody else's job by now (forgotten).
  case done
  /// NOT_FOUND: nobody has it any more.
  case notFound
  /// Not done, or not known to be done; may be tried again.
  case failed(String)
}

/// What a take brought.
public struct TakeOutcome: Sendable {
  /// The jobs that are ours now, in order.
  public var jobs: [Job]
  /// The tube had fewer ready jobs than were asked for (TIMED_OUT).
  public var ranDry: Bool
  /// Why nothing could be asked: server unreachable or tube refused.
  public var failure: String?

  /// What a take brought.
  public init(jobs: [Job] = [], ranDry: Bool = false, failure: String? = nil) {
    self.jobs = jobs
    self.ranDry = ranDry
    self.failure = failure
  }
}

/// How many jobs one tube has, and who is at it.
public struct TubeStatistics: Sendable, Equatable {
  /// To be reserved.
  public var ready = 0
  /// In somebody's hands.
  public var reserved = 0
  /// Ready later.
  public var delayed = 0
  /// Put aside until kicked.
  public var buried = 0
  /// Connections that watch it.
  public var watching = 0
  /// Connections that put into it.
  public var using = 0
  /// Connections that wait in a reserve.
  public var waiting = 0

  /// A tube with nothing in it.
  public init() {}
}

/// How many jobs a server has, over all tubes, and how it is.
public struct ServerStatistics: Sendable, Equatable {
  /// The instance `id`: another one after each start of the server.
  public var instance = ""
  /// Of the server's program.
  public var version = ""
  /// To be reserved.
  public var ready = 0
  /// In somebody's hands.
  public var reserved = 0
  /// Ready later.
  public var delayed = 0
  /// Put aside until kicked.
  public var buried = 0
  /// How many there are.
  public var tubes = 0
  /// Whether it takes no new jobs.
  public var draining = false
  /// In bytes.
  public var maxJobSize = 65_535

  /// A server that nothing is known of.
  public init() {}
}

/// How a session with a queue server does at one moment.
public struct QueueServerCondition: Sendable, Equatable {
  /// Since when it has been reachable, or not; nil if the session doesn't tell.
  public var since: ContinuousClock.Instant?
  /// What went wrong last, also if it is mended.
  public var latestError: String?
  /// Connections that are up, of those that put, delete and kick.
  public var commandConnectionsUp = 0
  /// Connections that are up, of those that take without waiting.
  public var takeConnectionsUp = 0
  /// Takes that wait for a free connection.
  public var takesWaiting = 0
  /// Listeners that haven't ended, or whose last jobs nobody has asked for yet.
  public var listeners = 0
  /// Listeners that are connected.
  public var listenersUp = 0
  /// Tubes that are watched so that others see somebody at work.
  public var holds = 0
  /// Jobs that may lie buried without an owner, to be kicked.
  public var adrift = 0
  /// Bytes of commands that the kernel hasn't taken yet.
  public var unsentBytes = 0

  /// Without details.
  public init() {}
}

/// Asks for jobs that lie buried without anybody who works on them, as a dispatcher that died has left them.
public struct OrphanSearch {
  /// While somebody else watches it, nothing is kicked.
  public let mainQueue: TubeName
  /// Tubes of these names are looked at.
  public let concerns: (String) -> Bool
  /// Whether they are kicked, besides being counted.
  public let kicks: Bool

  /// - Parameters:
  ///   - mainQueue: while somebody else watches it, nothing is kicked.
  ///   - kicks: whether they are kicked, besides being counted.
  ///   - concerns: called for each tube of the server; false leaves it out.
  public init(mainQueue: TubeName, kicks: Bool, concerns: @escaping (String) -> Bool) {
    self.mainQueue = mainQueue
    self.kicks = kicks
    self.concerns = concerns
  }
}

/// What an ``OrphanSearch`` has found on one server.
public struct OrphanReport: Sendable, Equatable {
  /// The buried jobs of one tube.
  public struct Tube: Sendable, Equatable {
    /// Its name.
    public let name: TubeName
    /// As many as were buried.
    public let buried: Int
    /// How many of them are ready now.
    public var kicked: Int

    /// A tube with so many buried jobs.
    public init(_ name: TubeName, buried: Int, kicked: Int = 0) {
      self.name = name
      self.buried = buried
      self.kicked = kicked
    }
  }

  /// Those that nobody watches.
  public var orphaned: [Tube] = []
  /// Those that others watch: their jobs may be in work, and are left alone.
  public var watched: [Tube] = []
  /// Somebody else watches the main queue, so that nothing is kicked.
  public var othersAreAtWork = false

  /// Nothing is buried.
  public init() {}
}

extension QueueServer {
  public var condition: QueueServerCondition { QueueServerCondition() }

  /// A queue whose jobs go back by themselves has none.
  public func findOrphans(_ search: OrphanSearch) async throws -> OrphanReport { OrphanReport() }
}

/// One queue server. Confined to the loop that it was opened on.
///
/// Verbs called within one turn of the loop leave in one write; their answers are read together. A verb that can't be
/// done says so in its outcome and never waits for a server to come back.
public protocol QueueServer: AnyObject {
  /// Of the server.
  var address: QueueServerAddress { get }
  /// Whether commands can be sent right now.
  var isReachable: Bool { get }
  /// How the session does, for whoever watches over it; a value without details unless the session has some.
  var condition: QueueServerCondition { get }

  /// A listener on `tube` with a connection of its own, which may block there.
  func listen(to tube: TubeName) -> any QueueListener

  /// Looks for jobs that a dead dispatcher left buried. To be called before anything is taken from the server.
  func findOrphans(_ search: OrphanSearch) async throws -> OrphanReport

  /// Takes up to `count` ready jobs from `tube` without waiting for more to come.
  func take(_ count: Int, from tube: TubeName) async -> TakeOutcome

  /// Stores jobs; one outcome for each, in order.
  func put(_ puts: [Put]) async -> [PutOutcome]

  /// Deletes jobs; one outcome for each, in order. A job of another run of the server is looked at first.
  func delete(_ jobs: [Job]) async -> [SettleOutcome]

  /// Gives jobs back: they are ready again; one outcome for each, in order.
  func kick(_ jobs: [Job]) async -> [SettleOutcome]

  /// Shows others that somebody works on `tube`: a command connection watches it until ``release(_:)``.
  func hold(_ tube: TubeName)
  /// The opposite of ``hold(_:)``, once for each.
  func release(_ tube: TubeName)

  /// Totals over the whole server.
  func statistics() async throws -> ServerStatistics
  /// Totals of one tube; nil if there is none.
  func statistics(of tube: TubeName) async throws -> TubeStatistics?
  /// The names of all tubes.
  func tubes() async throws -> [String]
  /// How long until the first delayed job of `tube` becomes ready; nil if it has none.
  func timeUntilNextDelayed(in tube: TubeName) async throws -> Duration?
  /// The body of a job in `tube`, nil if there is none by that id. After a restart of the server the job may be a
  /// stranger: compare.
  func peek(_ id: JobID, in tube: TubeName) async throws -> [UInt8]?

  /// Ends the session once what has been asked is answered, at the latest after `deadline`.
  func close(within deadline: Duration) async
}

/// Takes from the main queue over a connection of its own.
public protocol QueueListener: AnyObject {
  /// The next jobs, at least one; waits for them as long as it takes, reconnecting by itself.
  /// Batches grow while the tube is full (1, 2, 4 ... 64) and begin at 1 again when it runs dry.
  /// - Returns: nil once ``stop()`` was called and nothing that was taken is left to hand over.
  func next() async -> [Job]?

  /// Takes no more. Jobs already reserved for this listener are still handed over by ``next()``.
  func stop()
}
