import Logging

/// Carries out control commands (SPEC §8), whoever brings them. May be called from anywhere, and at once.
///
/// ```swift
/// let control = Control(dispatcher, store: store, alarms: alarms, queueServers: servers, logger: logger)
/// let answer = try await control.perform("GetSubscriptionParams", ["SubscriptionId": 352])
/// ```
///
/// Changes of parameters go to the store first and are in force right after that, in the lane that runs. If the store
/// doesn't answer nothing is changed: what is in force and not stored would be gone with the next refresh or restart, and
/// never reach other dispatchers.
public struct Control: Sendable {
  let dispatcher: Dispatcher
  /// nil: subscriptions can't be changed here.
  let store: (any SubscriptionEditor)?
  /// nil: no data directory to keep it in.
  let alarms: DefaultAlarms?
  let queueServers: [QueueServerAddress]
  let cleaner: (any QueueCleaner)?
  /// nil: failures can't be looked at here.
  let failures: (any FailureLogReader)?
  /// nil: no alerts are raised here.
  let alerts: Alerts?
  let logger: Logger
  let turns = ChangeTurns()
  /// Of another try: a queue server that doesn't answer must not hold up changes of parameters.
  let retryTurns = ChangeTurns()
  let retried = RetriedFailures()

  /// - Parameters:
  ///   - dispatcher: whose commands they are. While it doesn't run most are refused.
  ///   - store: where parameters are kept; nil: they can't be changed.
  ///   - alarms: where the default alarm is kept; nil: it can't be changed.
  ///   - queueServers: those that tubes may be emptied on.
  ///   - cleaner: empties them; nil: nobody does, and the command is refused.
  ///   - failures: where failing messages are looked up; nil: they can't be.
  ///   - alerts: what the dispatcher raises; nil: nothing, and they can't be tried.
  ///   - logger: where changes are told.
  public init(
    _ dispatcher: Dispatcher, store: (any SubscriptionEditor)?, alarms: DefaultAlarms? = nil,
    queueServers: [QueueServerAddress] = [], cleaner: (any QueueCleaner)? = nil,
    failures: (any FailureLogReader)? = nil, alerts: Alerts? = nil, logger: Logger
  ) {
    self.dispatcher = dispatcher
    self.store = store
    self.alarms = alarms
    self.queueServers = queueServers
    self.cleaner = cleaner
    self.failures = failures
    self.alerts = alerts
    self.logger = logger
  }

  /// Where tubes may be emptied and kicked: `host:port` of each.
  public var queueServerNames: [String] { queueServers.map(\.description) }
  /// The name of the main queue.
  public var mainQueueName: String { dispatcher.runner.changes.newest.mainQueue.description }

  /// Reads a command and carries it out.
  /// - Parameters:
  ///   - name: one of ``ControlCommand/Name``.
  ///   - arguments: see ``ControlCommand/init(_:_:)``.
  /// - Returns: what the command answers: see ``perform(_:)``.
  public func perform(_ name: String, _ arguments: JSONValue = .null) async throws(ControlError) -> JSONValue {
    try await perform(try ControlCommand(name, arguments))
  }

  /// Carries a command out.
  ///
  /// If the task is cancelled while a change waits for its turn nothing is changed; a change that has begun is finished.
  /// - Returns: `true` for ClearDataCache and SetSubscriptionParams; `null` for SetDefaultAlarm and CleanTopic, which
  ///   older dispatchers answered so too; an object for what asks.
  /// - Throws: why it wasn't carried out.
  public func perform(_ command: ControlCommand) async throws(ControlError) -> JSONValue {
    switch command {
    case .clearDataCache(let keyPrefixes):
      try await clearDataCache(keyPrefixes)
      return true
    case .setSubscriptionParameters(let id, let parameters):
      try await set(parameters, of: id)
      return true
    case .getSubscriptionParameters(let id):
      return json(try await parameters(of: id), of: id)
    case .getDefaultSubscriptionSettings:
      return dispatcher.runner.changes.newest.defaults.json
    case .setDefaultAlarm(let changes):
      try await set(changes)
      return nil
    case .cleanTopic(let servers, let topic, let callback):
      try await clean(servers, topic, callback)
      return nil
    case .getPushStatistics:
      guard let statistics = await dispatcher.pushStatistics() else { throw Self.notRunning }
      return statistics.json
    }
  }

  static let notRunning = ControlError(.unavailable, "the dispatcher isn't running")

  // MARK: Commands that have no file of their own

  private func clearDataCache(_ keyPrefixes: [String]) async throws(ControlError) {
    let directory = await dispatcher.runner.door.enter { engine in
      await engine.context.directory.clear(keyPrefixes: keyPrefixes)
      return engine.context.directory.health.storeError
    }
    guard let storeError = directory else { throw Self.notRunning }
    if let storeError {
      throw ControlError(.unavailable, "the store doesn't answer, the last known state stays in force: \(storeError)")
    }
    logger.info("the cache of subscriptions was cleared by a command", metadata: [LogKey.count: "\(keyPrefixes.count)"])
  }

  private func set(_ changes: DefaultAlarm) async throws(ControlError) {
    guard let alarms else { throw ControlError(.unavailable, "there is no place to keep the default alarm") }
    guard !changes.isEmpty else { throw ControlError(.invalidArgument, "nothing is named that could be set") }
    try await turns.take()
    defer { turns.leave() }
    try await alarms.change(changes)
    logger.info("the default alarm was changed by a command")
  }

  private func clean(_ servers: [String], _ topic: String, _ callback: String?) async throws(ControlError) {
    let request = try CleanRequest(servers: servers, topic: topic, callback: callback, known: queueServers)
    guard let cleaner else { throw ControlError(.unavailable, "this dispatcher doesn't clean queues") }
    try await cleaner.begin(request)
    logger.info(
      "a queue is being cleaned by a command",
      metadata: [
        LogKey.tube: "\(request.tube)",
        LogKey.queueServer: "\(request.servers.map(\.description).joined(separator: ","))",
      ])
  }
}

extension SubscriptionDefaults {
  /// By the names of the config file; times in milliseconds.
  var json: JSONValue {
    [
      "MaxSendersPerChannel": .integer(maxSendersPerChannel),
      "MaxSendersPerRetryChannel": .integer(maxSendersPerRetryChannel),
      "SendersPerChannel": .integer(sendersPerChannel),
      "SendersPerRetryChannel": .integer(sendersPerRetryChannel),
      "MaxMessageProcessTime": .integer(maxProcessTimeoutMilliseconds),
      "DefaultMaxMessageProcessTime": .integer(processTimeoutMilliseconds),
      "IntervalOfSendingForSendRoutine": .integer(intervalOfSendingMilliseconds),
    ]
  }
}
