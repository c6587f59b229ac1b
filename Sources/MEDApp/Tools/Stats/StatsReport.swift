import MEDCore

/// What `medctl stats` has found out.
struct StatsReport: Sendable {
  enum DispatcherPart: Sendable {
    /// DebugAddr is switched off in the config file.
    case off
    case silent(address: String, reason: String)
    case answered(address: String, DispatcherState)
  }

  var servers: [SurveyedServer]
  /// Why the subscriptions could not be read: then their tubes count as others.
  var storeFailure: String?
  var dispatcher: DispatcherPart
  let time: Timestamp

  /// Whether everything that was asked for was found out. A dispatcher needn't be there.
  var isComplete: Bool { storeFailure == nil && servers.allSatisfy { $0.failure == nil } }

  /// A tube of one server.
  struct Row: Sendable {
    let server: QueueServerAddress
    let tube: SurveyedServer.Tube
  }

  /// Tubes with jobs, the fullest first.
  var backlog: [Row] {
    servers.flatMap { server in
      server.tubes.filter { $0.jobs > 0 }.map { Row(server: server.address, tube: $0) }
    }.sorted { a, b in
      a.tube.jobs != b.tube.jobs ? a.tube.jobs > b.tube.jobs : a.tube.name < b.tube.name
    }
  }
}
