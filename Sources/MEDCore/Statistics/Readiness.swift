/// Why a dispatcher doesn't consume, or not all that it should.
public struct ReadinessProblem: Sendable, Equatable {
  /// The kinds of problems.
  public enum Kind: String, Sendable, CaseIterable {
    /// It hasn't started, or has ended.
    case notRunning = "not_running"
    /// It stops.
    case stopping
    /// A queue server can't be reached.
    case queueServer = "queue_server"
    /// Nobody listens to a queue server's main queue.
    case mainQueue = "main_queue"
    /// The DATA log can't be written.
    case dataLog = "data_log"
    /// Nothing is known of the subscriptions yet.
    case subscriptions
  }

  /// What kind of problem it is.
  public let kind: Kind
  /// What it is about, such as a queue server's address; empty if the kind says it.
  public let subject: String
  /// For people.
  public let message: String

  /// A problem.
  public init(_ kind: Kind, of subject: String = "", _ message: String) {
    self.kind = kind
    self.subject = subject
    self.message = message
  }
}

extension DispatcherState {
  /// What keeps it from consuming; empty: each queue server is reached, its main queue listened to, the DATA log
  /// writable. A store that doesn't answer is none: the last known state of the subscriptions is used.
  public var readinessProblems: [ReadinessProblem] {
    if isStopping { return [ReadinessProblem(.stopping, "the dispatcher stops")] }
    var problems: [ReadinessProblem] = []
    for server in queueServers {
      if !server.isReachable {
        problems.append(ReadinessProblem(.queueServer, of: server.address, server.latestError ?? "it can't be reached"))
      } else if server.listenersUp == 0 {
        problems.append(ReadinessProblem(.mainQueue, of: server.address, "nobody listens to its main queue"))
      }
    }
    if let dataLog, !dataLog.isWritable {
      problems.append(ReadinessProblem(.dataLog, dataLog.lastError ?? "the DATA log can't be written"))
    }
    if directory.secondsSinceRefresh == nil, !directory.isFromSnapshot {
      problems.append(ReadinessProblem(.subscriptions, directory.storeError ?? "they haven't been read yet"))
    }
    return problems
  }
}
