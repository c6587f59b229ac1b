import MEDLoop

extension Engine {
  /// On the loop; a few microseconds for each queue server, and slices of lanes between which other work goes on.
  /// - Parameter lanes: so many are described at most.
  func state(lanes: Int = LaneListing.maximum) async -> DispatcherState {
    let now = context.actor.loop.now
    let second = context.second
    var state = DispatcherState()
    state.uptimeSeconds = (now - context.origin).inSeconds
    state.isStopping = context.isStopping
    state.counters = context.counters
    state.rates = context.rates.rates(at: second)
    state.pushes = PushTotals(context.tally)
    state.workUnderWay = context.work.count
    state.queueServers = context.desks.map { self.state(of: $0, now: now) }
    state.directory = DirectoryState(context.directory.health, now: now)
    state.failureLog = context.failures.map(Self.state)
    state.recoverLists = recovery.map(Self.state)
    state.alerts = parts.alerts?.condition
    state.alerts?.suppressed = context.alerts?.suppressed ?? 0
    state.lanes = await LaneListing.list(supervisor.all, at: second, atMost: lanes)
    return state
  }

  private static func state(of failures: FailureLogWriter) -> FailureLogState {
    var state = FailureLogState()
    state.waiting = failures.waiting.count + failures.underWay.count
    state.lost = failures.lost
    return state
  }

  private static func state(of recovery: RecoverWatcher) -> RecoverListsState {
    let condition = recovery.lists.condition
    var state = RecoverListsState()
    state.isReachable = recovery.isReachable && condition.address != nil
    state.address = condition.address
    state.latestError = recovery.latestError
    state.lists = condition.lists
    state.strangers = condition.strangers
    state.waiting = recovery.recorder.count
    state.adopted = condition.adopted
    state.setAside = condition.setAside
    return state
  }

  private func state(of desk: ServerDesk, now: ContinuousClock.Instant) -> QueueServerState {
    let condition = desk.queue.condition
    var state = QueueServerState()
    state.address = desk.queue.address.description
    state.isReachable = desk.queue.isReachable
    state.secondsSinceChange = condition.since.map { max(0, (now - $0).inSeconds) } ?? 0
    state.latestError = condition.latestError
    state.commandConnectionsUp = condition.commandConnectionsUp
    state.takeConnectionsUp = condition.takeConnectionsUp
    state.listeners = condition.listeners
    state.listenersUp = condition.listenersUp
    state.putsUnderWay = desk.putsUnderWay
    state.unsettled = desk.settler.pending
    state.mainQueue = JobCounts(backlog.ofMainQueue(at: desk.index), now: .now)
    state.deleted = desk.settler.deleted
    state.kicked = desk.settler.kicked
    state.adrift = condition.adrift
    state.unsentBytes = condition.unsentBytes
    state.heldTubes = condition.holds
    state.lanesWaiting = desk.turns.waiting
    if let intake = intakes.first(where: { $0.desk === desk }) {
      state.parked = intake.parking.count
      state.exceptions = intake.exceptions
    }
    state.foreignTubes = samplers.first { $0.desk === desk }?.foreignTubes ?? 0
    return state
  }
}

extension DirectoryState {
  init(_ health: SubscriptionDirectory.Health, now: ContinuousClock.Instant) {
    self.init()
    subscriptions = health.subscriptions
    topics = health.topics
    absentTopics = health.absentTopics
    secondsSinceRefresh = health.lastRefresh.map { max(0, (now - $0).inSeconds) }
    isFromSnapshot = health.isFromSnapshot
    storeError = health.storeError?.description
    storeErrors = health.storeErrors
    snapshotError = health.snapshotError
  }
}

extension DataLogState {
  init(_ health: DataLogHealth) {
    self.init()
    isWritable = health.isWritable
    lastError = health.lastError?.description
    lastErrorTime = health.lastErrorTime?.description
    recordsWritten = health.recordsWritten
    recordsDropped = health.recordsDropped
    commitsFailed = health.commitsFailed
    syncs = health.syncs
    commitsWaiting = health.commitsWaiting
    bytesHeld = health.bytesHeld
    path = health.path
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
