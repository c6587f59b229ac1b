import MEDCore

/// What `amender` is asked to do (SPEC §13).
public struct AmendRequest: Sendable {
  /// Each once, in the order of the config file.
  public let servers: [QueueServerAddress]
  /// Only tubes that one of these matches; empty: all.
  public var patterns: [TubePattern] = []
  /// Tubes worked on at the same time on each queue server.
  public var concurrency = 16
  public var isDryRun = false
  /// Also where somebody works on a tube: what he has in hand is pushed twice.
  public var includesWatched = false
  /// How long to try to reach a queue server.
  public var patience = Duration.seconds(3)
  /// How long a queue server may leave a question unanswered.
  public var replyTimeout = Duration.seconds(10)

  public init(servers: [QueueServerAddress]) {
    var seen: Set<QueueServerAddress> = []
    self.servers = servers.filter { seen.insert($0).inserted }
  }
}
