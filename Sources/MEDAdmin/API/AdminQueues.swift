import MEDCore

/// What the API asks queue servers, over connections of its own.
public protocol AdminQueues: Sendable {
  /// A page of tubes, in the order of their names. What can't be asked in time is named in the page.
  func page(_ query: AdminQueueQuery) async -> AdminQueuePage

  /// Makes buried jobs of a tube ready, and no delayed one.
  /// - Returns: what came of it on each server.
  /// - Throws: `.invalidArgument` if that is no tube, or no server of the configuration.
  func kick(_ request: AdminKick) async throws(ControlError) -> [AdminKickResult]
}

/// Which tubes are asked for.
public struct AdminQueueQuery: Sendable, Equatable {
  /// Tubes of a page at most; each is asked for on each server that has it.
  public static let maximumLimit = 500

  /// Only on this queue server of the configuration; nil: on all.
  public var server: String?
  /// Only tubes whose names begin so.
  public var prefix = ""
  /// Only tubes with greater names; empty: from the first one on.
  public var after = ""
  /// At most so many names.
  public var limit = 100

  /// All tubes.
  public init() {}
}

/// What queue servers have said.
public struct AdminQueuePage: Sendable {
  /// One queue server.
  public struct Server: Sendable {
    /// `host:port`
    public var address: String
    /// nil: it could not be asked.
    public var totals: ServerStatistics?
    /// Why it could not be asked, or not to the end.
    public var failure: String?

    /// A server that nothing is known of.
    public init(address: String) { self.address = address }
  }

  /// One tube on one server.
  public struct Tube: Sendable {
    /// `host:port`
    public var server: String
    /// Its name.
    public var name: String
    /// How many jobs it has, and who is at it.
    public var statistics: TubeStatistics

    /// A tube.
    public init(server: String, name: String, statistics: TubeStatistics) {
      self.server = server
      self.name = name
      self.statistics = statistics
    }
  }

  /// Those that were asked.
  public var servers: [Server] = []
  /// In the order of their names.
  public var tubes: [Tube] = []
  /// The ``AdminQueueQuery/after`` of the next page; nil: there are no further tubes.
  public var next: String?

  /// Nothing.
  public init() {}
}

/// Which jobs are to be kicked.
public struct AdminKick: Sendable, Equatable {
  /// The tube.
  public var tube: String
  /// Only on this queue server of the configuration; nil: on all.
  public var server: String?
  /// At most so many.
  public var limit = Int.max
  /// Also where somebody works on the tube: what he has in hand is pushed twice.
  public var includesWatched = false

  /// All buried jobs of the tube, where nobody watches it.
  public init(tube: String) { self.tube = tube }
}

/// What came of a kick on one queue server.
public struct AdminKickResult: Sendable, Equatable {
  /// The kinds of results.
  public enum Outcome: String, Sendable, CaseIterable {
    /// Those that were wanted are ready.
    case kicked
    /// The time was over before all were.
    case unfinished
    /// Somebody watches the tube, so nothing was done, or nothing more.
    case watched
    /// The server has no such tube.
    case noSuchTube = "no_such_tube"
    /// It could not be asked, or not to the end.
    case failed
  }

  /// `host:port`
  public let server: String
  /// What came of it.
  public let outcome: Outcome
  /// Jobs that were buried before.
  public let buried: Int
  /// Jobs that are ready now.
  public let kicked: Int
  /// For people.
  public let message: String

  /// A result.
  public init(server: String, outcome: Outcome, buried: Int, kicked: Int, message: String) {
    self.server = server
    self.outcome = outcome
    self.buried = buried
    self.kicked = kicked
    self.message = message
  }
}
