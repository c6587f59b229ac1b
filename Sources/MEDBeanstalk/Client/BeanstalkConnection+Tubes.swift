import MEDCore

/// The verbs for tubes and the server.
extension BeanstalkConnection {
  /// Puts go into `tube` from now on, and the peeks and ``kick(_:)`` look there. It is made if there is none.
  ///
  /// Wire: `use <tube>` → `USING <tube>`.
  /// - Returns: its name, as the server says.
  @discardableResult
  public func use(_ tube: TubeName) async throws(BeanstalkError) -> String {
    try await ask(.use(tube), "use") { $0.name }
  }

  /// The tube in use; `default` at first.
  ///
  /// Wire: `list-tube-used` → `USING <tube>`.
  public func tubeInUse() async throws(BeanstalkError) -> String {
    try await ask(.listTubeUsed, "list-tube-used") { $0.name }
  }

  /// Reserves look into `tube` too. It is made if there is none.
  ///
  /// Wire: `watch <tube>` → `WATCHING <count>`.
  /// - Returns: how many tubes are watched.
  @discardableResult
  public func watch(_ tube: TubeName) async throws(BeanstalkError) -> Int {
    try await ask(.watch(tube), "watch") { if case .watching(let count) = $0.reply { count } else { nil } }
  }

  /// Reserves look into `tube` no more.
  ///
  /// Wire: `ignore <tube>` → `WATCHING <count>`, `NOT_IGNORED`.
  /// - Returns: how many tubes are watched; nil for NOT_IGNORED: it is the only one.
  @discardableResult
  public func ignore(_ tube: TubeName) async throws(BeanstalkError) -> Int? {
    try await ask(.ignore(tube), "ignore") { answer in
      switch answer.reply {
      case .watching(let count): .some(count)
      case .notIgnored: .some(nil)
      default: nil
      }
    }
  }

  /// The tubes watched; `default` at first.
  ///
  /// Wire: `list-tubes-watched` → `OK <bytes>`.
  public func tubesWatched() async throws(BeanstalkError) -> [String] {
    try await ask(.listTubesWatched, "list-tubes-watched") { $0.isOK ? YAML.list($0.body) : nil }
  }

  /// The names of all tubes.
  ///
  /// Wire: `list-tubes` → `OK <bytes>`.
  public func tubes() async throws(BeanstalkError) -> [String] {
    try await ask(.listTubes, "list-tubes") { $0.isOK ? YAML.list($0.body) : nil }
  }

  /// Lets no job of `tube` be reserved for a while; 0 ends that.
  ///
  /// Wire: `pause-tube <tube> <seconds>` → `PAUSED`, `NOT_FOUND`.
  /// - Returns: false for NOT_FOUND.
  @discardableResult
  public func pause(_ tube: TubeName, seconds: UInt32) async throws(BeanstalkError) -> Bool {
    try await ask(.pauseTube(tube, seconds: seconds), "pause-tube") { $0.isDone(.paused) }
  }

  /// Everything the server says of itself.
  ///
  /// Wire: `stats` → `OK <bytes>`.
  public func statistics() async throws(BeanstalkError) -> StatisticsTable {
    try await ask(.stats, "stats") { $0.isOK ? StatisticsTable(yaml: $0.body) : nil }
  }

  /// Everything the server says of a tube; nil for NOT_FOUND.
  ///
  /// Wire: `stats-tube <tube>` → `OK <bytes>`, `NOT_FOUND`.
  public func statistics(of tube: TubeName) async throws(BeanstalkError) -> StatisticsTable? {
    try await ask(.statsTube(tube), "stats-tube") { $0.table }
  }

  /// Everything the server says of a job; nil for NOT_FOUND.
  ///
  /// Wire: `stats-job <id>` → `OK <bytes>`, `NOT_FOUND`.
  public func statistics(ofJob number: UInt64) async throws(BeanstalkError) -> StatisticsTable? {
    try await ask(.statsJob(number), "stats-job") { $0.table }
  }
}

extension Answer {
  fileprivate var isOK: Bool { if case .ok = reply { true } else { false } }

  fileprivate var name: String? {
    if case .using = reply { String(decoding: body, as: UTF8.self) } else { nil }
  }

  /// Outer nil if it is neither OK nor NOT_FOUND.
  fileprivate var table: StatisticsTable?? {
    if isOK { return .some(StatisticsTable(yaml: body)) }
    return reply == .notFound ? .some(nil) : nil
  }
}
