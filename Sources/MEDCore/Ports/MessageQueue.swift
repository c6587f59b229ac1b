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
  public static let defaultPort: UInt16 = 11300

  public let host: String
  public let port: UInt16

  public init(host: String, port: UInt16 = defaultPort) {
    self.host = host
    self.port = port
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What a job is known by. Job ids start anew when a queue server restarts, so the server's run belongs to it.
public struct JobID: Hashable, Sendable {
  /// Which run of the server: an ordinal that the session gives to each instance `id` it has seen in `stats`.
  public let instance: UInt32
  public let number: UInt64

  public init(instance: UInt32, number: UInt64) {
    self.instance = instance
    self.number = number
  }
}

/// A job that is ours until it is deleted or kicked: its BURIED has been read.
public struct Job: Sendable {
  public let id: JobID
  public let tube: TubeName
  public let body: [UInt8]

  public init(id: JobID, tube: TubeName, body: [UInt8]) {
    self.id = id
    self.tube = tube
    self.body = body
  }
}

/// One job to be stored.
public struct Put: Sendable {
  public static let priority: UInt32 = 1024

  public let tube: TubeName
  public let body: [UInt8]
  /// Whole seconds until the job becomes ready.
  public let delay: UInt32
  public let priority: UInt32

  public init(tube: TubeName, body: [UInt8], delay: UInt32 = 0, priority: UInt32 = Put.priority) {
    self.tube = tube
    self.body = body
    self.delay = delay
    self.priority = priority
  }
}

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

public struct TakeOutcome: Sendable {
  /// The jobs that are ours now, in order.
  public var jobs: [Job]
  /// The tube had fewer ready jobs than were asked for (TIMED_OUT).
  public var ranDry: Bool
  /// Why nothing could be asked: server unreachable or tube refused.
  public var failure: String?

  public init(jobs: [Job] = [], ranDry: Bool = false, failure: String? = nil) {
    self.jobs = jobs
    self.ranDry = ranDry
    self.failure = failure
  }
}

public struct TubeStatistics: Sendable, Equatable {
  public var ready = 0
  public var reserved = 0
  public var delayed = 0
  public var buried = 0
  public var watching = 0
  public var using = 0
  public var waiting = 0

  public init() {}
}

public struct ServerStatistics: Sendable, Equatable {
  /// The instance `id`: another one after each start of the server.
  public var instance = ""
  public var version = ""
  public var ready = 0
  public var reserved = 0
  public var delayed = 0
  public var buried = 0
  public var tubes = 0
  public var draining = false
  public var maxJobSize = 65_535

  public init() {}
}

/// How a session with a queue server does at one moment.
public struct QueueServerCondition: Sendable, Equatable {
  /// Since when it has been reachable, or not.
  public var since: ContinuousClock.Instant?
  /// What went wrong last, also if it is mended.
  public var latestError: String?
  public var commandConnectionsUp = 0
  public var takeConnectionsUp = 0
  /// Takes that wait for a free connection.
  public var takesWaiting = 0
  public var listeners = 0
  public var listenersUp = 0
  /// Tubes that are watched so that others see somebody at work.
  public var holds = 0
  /// Jobs that may lie buried without an owner, to be kicked.
  public var adrift = 0
  /// Bytes of commands that the kernel hasn't taken yet.
  public var unsentBytes = 0

  public init() {}
}

extension QueueServer {
  public var condition: QueueServerCondition { QueueServerCondition() }
}

/// One queue server. Confined to the loop that it was opened on.
///
/// Verbs called within one turn of the loop leave in one write; their answers are read together. A verb that can't be
/// done says so in its outcome and never waits for a server to come back.
public protocol QueueServer: AnyObject {
  var address: QueueServerAddress { get }
  /// Whether commands can be sent right now.
  var isReachable: Bool { get }
  /// How the session does, for whoever watches over it; a value without details unless the session has some.
  var condition: QueueServerCondition { get }

  /// A listener on `tube` with a connection of its own, which may block there.
  func listen(to tube: TubeName) -> any QueueListener

  /// Takes up to `count` ready jobs from `tube` without waiting for more to come. Every job returned is buried.
  func take(_ count: Int, from tube: TubeName) async -> TakeOutcome

  /// Stores jobs; one outcome for each, in order.
  func put(_ puts: [Put]) async -> [PutOutcome]

  /// Deletes jobs; one outcome for each, in order. A job of another run of the server is looked at first.
  func delete(_ jobs: [Job]) async -> [SettleOutcome]

  /// Kicks buried jobs back to ready; one outcome for each, in order.
  func kick(_ jobs: [Job]) async -> [SettleOutcome]

  /// Shows others that somebody works on `tube`: a command connection watches it until ``release(_:)``.
  func hold(_ tube: TubeName)
  func release(_ tube: TubeName)

  func statistics() async throws -> ServerStatistics
  func statistics(of tube: TubeName) async throws -> TubeStatistics?
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
  /// The next jobs, at least one, all buried; waits for them as long as it takes, reconnecting by itself.
  /// Batches grow while the tube is full (1, 2, 4 ... 64) and begin at 1 again when it runs dry.
  /// - Returns: nil once ``stop()`` was called and nothing that was taken is left to hand over.
  func next() async -> [Job]?

  /// Takes no more. Jobs already reserved for this listener are still handed over by ``next()``.
  func stop()
}
