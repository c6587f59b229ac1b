import MEDCore

/// Tubes and the server.
extension BeanstalkClient {
  /// Totals over the whole server.
  ///
  /// Wire: `stats` → `OK <bytes>`. ``allStatistics()`` has the rest of what it says.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "stats".
  public func statistics() async throws -> ServerStatistics {
    try await actor.run { _ in try await self.session.statistics() }
  }

  /// Totals of one tube.
  ///
  /// Wire: `stats-tube <tube>` → `OK <bytes>`, `NOT_FOUND`.
  /// - Returns: nil if there is no such tube.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "stats-tube".
  public func statistics(of tube: TubeName) async throws -> TubeStatistics? {
    try await actor.run { _ in try await self.session.statistics(of: tube) }
  }

  /// All that `stats` says, by the protocol's names: `cmd-put`, `uptime`, `binlog-max-size` …
  /// - Throws: ``BeanstalkError``.
  public func allStatistics() async throws -> StatisticsTable {
    try await actor.run { _ in
      StatisticsTable(yaml: try StatisticsConnection.body(of: try await self.session.looks.ask(.stats).first) ?? [])
    }
  }

  /// All that `stats-tube` says, by the protocol's names: `pause-time-left`, `total-jobs` …
  /// - Returns: nil if there is no such tube.
  /// - Throws: ``BeanstalkError``.
  public func allStatistics(of tube: TubeName) async throws -> StatisticsTable? {
    try await actor.run { _ in
      try StatisticsConnection.body(of: try await self.session.looks.ask(.statsTube(tube)).first)
        .map(StatisticsTable.init(yaml:))
    }
  }

  /// The names of all tubes.
  ///
  /// Wire: `list-tubes` → `OK <bytes>`.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "list-tubes".
  public func tubes() async throws -> [String] {
    try await actor.run { _ in try await self.session.tubes() }
  }

  /// Lets no job of `tube` be reserved for a while; puts go on.
  ///
  /// Wire: `pause-tube <tube> <seconds>` → `PAUSED`, `NOT_FOUND`.
  /// - Parameters:
  ///   - tube: one that there is.
  ///   - seconds: how long; 0 ends a pause.
  /// - Returns: false if there is no such tube.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "pause-tube".
  @discardableResult
  public func pause(_ tube: TubeName, seconds: UInt32) async throws -> Bool {
    try await actor.run { _ in
      let answer = try await self.session.looks.ask(.pauseTube(tube, seconds: seconds)).first
      switch answer?.reply {
      case .paused: return true
      case .notFound: return false
      default: throw BeanstalkError.refusal(answer?.text ?? "nothing", to: "pause-tube")
      }
    }
  }

  /// Makes up to `bound` buried jobs of `tube` ready; if there are none, delayed ones.
  ///
  /// Wire: `use <tube>`, then `kick <bound>` → `KICKED <count>`. ``kickBuried(in:atMost:while:progress:)`` never wakes delayed ones.
  /// - Returns: how many.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "kick".
  public func kick(_ bound: UInt32, in tube: TubeName) async throws -> Int {
    try await actor.run { _ in
      // All in one write, so that nothing else comes between.
      let answers = try await self.session.looks.ask(.use(tube), .kick(bound: bound), .use(.standard))
      guard answers.count == 3, case .using = answers[0].reply else {
        throw BeanstalkError.refusal(answers.first?.text ?? "nothing", to: "use")
      }
      guard case .kickedCount(let count) = answers[1].reply else {
        throw BeanstalkError.refusal(answers[1].text, to: "kick")
      }
      return count
    }
  }

  /// Kicks the buried jobs that `tube` has now to ready, and no delayed one.
  ///
  /// In batches that hold up the server's other clients for some 5 ms each; their size follows from how long it takes.
  /// `kick` wakes delayed jobs when there is no buried one left at that moment. So before each batch the tube is looked
  /// at; while it has delayed jobs, or somebody watches it, a batch takes a sixteenth of the buried ones at most, and the
  /// last 256 to 383 go one by one, by their numbers.
  ///
  /// Wire: `stats-tube`, `kick <n>` behind a `use`, `peek-buried`, `kick-job <id>`.
  /// - Parameters:
  ///   - tube: nothing is done if there is none.
  ///   - limit: how many jobs at most.
  ///   - isAllowed: asked on the client's loop before each batch, with what the server says of the tube; false ends it.
  ///   - progress: called on the client's loop with the number kicked so far; false ends it.
  /// - Returns: how many were kicked: those that were buried at the beginning, unless others were faster.
  /// - Throws: ``BeanstalkError``; jobs kicked before stay so.
  public func kickBuried(
    in tube: TubeName, atMost limit: Int = .max,
    while isAllowed: @Sendable (TubeStatistics) -> Bool = { _ in true },
    progress: @Sendable (Int) -> Bool = { _ in true }
  ) async throws -> Int {
    try await actor.run { _ in
      try await self.session.kickBuried(in: tube, atMost: limit, while: isAllowed, progress: progress)
    }
  }

  /// Deletes the jobs that `tube` has now: ready, delayed and buried ones, and none that is put meanwhile.
  ///
  /// One round trip for each. Others may go on putting and taking. A newer job that stands in front of an older one is
  /// reserved meanwhile, and given back with its priority and the rest of its delay; a newer buried one is waited for, 30 s
  /// at most. Jobs that somebody has reserved stay.
  ///
  /// Wire: `peek-ready`, `peek-delayed`, `peek-buried`, `delete`, `stats-job`, `reserve-job`, `release`; a `put` and `delete`
  /// in a tube of its own at the beginning.
  /// - Parameters:
  ///   - tube: nothing is done if there is none.
  ///   - progress: called on the client's loop with the number deleted so far; false ends it.
  /// - Returns: how many were deleted.
  /// - Throws: ``BeanstalkError``; jobs deleted before stay so.
  public func clean(_ tube: TubeName, progress: @Sendable (Int) -> Bool = { _ in true }) async throws -> Int {
    try await actor.run { _ in try await self.session.clean(tube, progress: progress) }
  }
}
