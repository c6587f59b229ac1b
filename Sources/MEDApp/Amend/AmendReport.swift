/// What came of it, per server and tube.
public struct AmendReport: Sendable, Equatable {
  public struct Tube: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
      /// All that was buried; less than that if others took some meanwhile.
      case kicked
      /// Would have been kicked (dry run).
      case wouldKick
      /// Somebody watches it: its jobs are being worked on.
      case watched(by: Int)
      case failed(String)
      /// It was told to stop.
      case interrupted
    }

    public let name: String
    /// At the first look.
    public let buried: Int
    public var kicked = 0
    public var outcome = Outcome.kicked
    /// Still buried, as far as is known.
    public var left = 0
  }

  public struct Server: Sendable, Equatable {
    public let address: String
    /// Tubes with buried jobs, by name. The others are not listed.
    public var tubes: [Tube] = []
    /// Tubes that were to be looked at.
    public var tubesSeen = 0
    /// Those among them that weren't looked at, because something failed or it was told to stop.
    public var tubesNotReached = 0
    /// Why the server could not be worked on, or not to the end.
    public var failure: String?
    /// Another address of the config file that leads to this server too: it is done there.
    public var sameAs: String?
    var matched: Set<TubePattern> = []
  }

  public var servers: [Server]
  public let isDryRun: Bool
  /// It was told to stop before all was done.
  public var isInterrupted = false
  /// Patterns that no tube matches.
  public var unmatched: [TubePattern] = []

  /// Whether everything that was asked for was done.
  public var isComplete: Bool {
    !isInterrupted && unmatched.isEmpty
      && servers.allSatisfy { $0.failure == nil && !$0.tubes.contains(where: \.failed) }
  }

  public var tubes: Int { servers.reduce(0) { $0 + $1.tubes.count } }
  public var buried: Int { sum(\.buried) }
  public var kicked: Int { sum(\.kicked) }
  public var left: Int { sum(\.left) }
  public var watchedTubes: Int { servers.reduce(0) { $0 + $1.tubes.count(where: \.isWatched) } }
  /// Buried in watched tubes.
  public var leftWatched: Int {
    servers.reduce(0) { sum, server in server.tubes.reduce(sum) { $0 + ($1.isWatched ? $1.left : 0) } }
  }

  private func sum(_ value: (Tube) -> Int) -> Int {
    servers.reduce(0) { sum, server in server.tubes.reduce(sum) { $0 + value($1) } }
  }
}

extension AmendReport.Tube {
  var failed: Bool { if case .failed = outcome { true } else { false } }
  var isWatched: Bool { if case .watched = outcome { true } else { false } }
}
