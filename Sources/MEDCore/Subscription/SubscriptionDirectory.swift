import Logging

/// The cached directory of subscriptions (SPEC §7): answers at once for what is known, asks the store for what isn't.
///
/// Confined to the engine's loop, whose methods all run on it; what takes time (asking, comparing, writing the
/// snapshot) happens elsewhere, and only the swap to a new state is done here.
///
/// - A topic is looked up once however many messages ask, and its absence is remembered too, until a refresh finds a
///   subscription of it.
/// - While the store is down the last known state stays in force.
/// - What a lookup and a refresh find at the same time may contradict each other. In doubt a subscription is served, and
///   the next refresh reads everything anew.
public final class SubscriptionDirectory {
  /// What is known of a topic.
  public enum Lookup {
    /// Empty: the topic was looked up and has no subscription, or none that gets copies here.
    case known([SubscribedChannel])
    /// It must be looked up.
    case unknown
  }

  /// How long ``run()`` pauses between two refreshes; a change counts from its next pause on.
  public var refreshInterval: Duration
  /// In the data directory: the last known state, for a start while the store is down.
  public static var snapshotFileName: String { SnapshotWriter.fileName }

  /// Told of each change after it is in force.
  public var onChange: ((SubscriptionChanges) -> Void)?
  /// Told when the store answers for the first time after a failure: what waits for it may be tried again.
  public var onStoreAnswersAgain: (() -> Void)?

  private let store: any SubscriptionStore
  private let snapshots: SnapshotWriter?
  private let timing: Timing
  private let logger: Logger

  private var rules: ChannelRules
  private var rulesHaveChanged = false
  private var table = SubscriptionTable()
  private var absences: AbsentTopics
  private var version: StoreVersion?
  private var outage = StoreOutage()
  private var storeErrors: UInt64 = 0
  private var refreshFailures = 0
  private var lastRefresh: ContinuousClock.Instant?
  private var hasStarted = false
  private var isFromSnapshot = false
  private var snapshotIsStale = true

  private var lookups: [String: [CheckedContinuation<Result<[SubscribedChannel], StoreError>, Never>]] = [:]
  private var isRefreshing = false
  /// One more when this one is over, though nobody waits for it.
  private var refreshesAgain = false
  private var waitingForNextRefresh: [CheckedContinuation<Void, Never>] = []
  /// Topics whose lookup ended while a refresh was under way.
  private var lookedUpMeanwhile: Set<String> = []
  /// Subscriptions whose parameters were set while a refresh was under way.
  private var editedMeanwhile: Set<Int> = []
  private var swaps = 0
  private var merges = 0

  /// - Parameters:
  ///   - store: what knows the subscriptions.
  ///   - rules: what of the configuration goes into channels.
  ///   - refreshInterval: how often changes are looked for.
  ///   - dataDirectory: where `subscriptions.snapshot`, which holds the last known state across a restart, and
  ///     `subscription_params_<id>.json` are written; nil: nowhere.
  ///   - maximumAbsences: topics without subscription that are remembered; when full all are forgotten.
  ///   - timing: what time is.
  ///   - logger: where changes and outages are told.
  public init(
    store: any SubscriptionStore, rules: ChannelRules = .init(), refreshInterval: Duration = .seconds(10),
    dataDirectory: String? = nil, maximumAbsences: Int = 100_000, timing: Timing = .init(), logger: Logger
  ) {
    self.store = store
    self.rules = rules
    self.refreshInterval = refreshInterval
    self.timing = timing
    self.logger = logger
    absences = AbsentTopics(maximumCount: maximumAbsences)
    snapshots = dataDirectory.map { SnapshotWriter(directory: $0, logger: logger) }
  }

  // MARK: Looking up

  /// What is known of a topic, without asking anybody.
  public func lookup(_ topic: String) -> Lookup {
    if let channels = table.byTopic[topic] { return .known(channels) }
    return absences.contains(topic) ? .known([]) : .unknown
  }

  /// The channels of a topic, asking the store if they aren't known.
  /// - Throws: what keeps the store from answering; the message waits then. While an outage is fresh the store isn't
  ///   asked again and the last error is thrown at once.
  public func resolve(_ topic: String) async throws(StoreError) -> [SubscribedChannel] {
    while true {
      if case .known(let channels) = lookup(topic) { return channels }
      if lookups[topic] == nil { break }
      let result = await withCheckedContinuation { lookups[topic, default: []].append($0) }
      // Whoever asked was cancelled: that says nothing about the topic, so somebody else asks.
      if case .failure(let error) = result, error.code == .cancelled { continue }
      return try result.get()
    }
    if let error = outage.errorBeforeRetry(at: timing.now()) { throw error }
    lookups[topic] = []
    let result = await ask(topic)
    for waiting in lookups.removeValue(forKey: topic) ?? [] { waiting.resume(returning: result) }
    return try result.get()
  }

  /// A live subscription by its number.
  public func channel(_ subscription: Int) -> SubscribedChannel? { table.byID[subscription] }

  /// All live subscriptions, in no order.
  public var channels: some Collection<SubscribedChannel> { table.byID.values }

  /// Whose tube this is: names are matched, never parsed.
  public func owner(ofTube name: String) -> TubeOwner? { TubeName(name).flatMap { table.byTube[$0] } }

  private func ask(_ topic: String) async -> Result<[SubscribedChannel], StoreError> {
    let swapsBefore = swaps
    let found: [Subscription]
    do {
      found = try await store.subscriptions(ofTopic: topic)
    } catch {
      return .failure(storeFailed(error))
    }
    storeAnswered()
    // A refresh may have been faster.
    if let channels = table.byTopic[topic] { return .success(channels) }
    let (changes, warnings) = table.merge(found, of: topic, rules)
    merges += 1
    if isRefreshing { lookedUpMeanwhile.insert(topic) }
    report(warnings)
    if changes.isEmpty {
      absences.insert(topic)
      return .success([])
    }
    if swaps != swapsBefore { version = nil }
    snapshotIsStale = true
    onChange?(changes)
    return .success(table.byTopic[topic] ?? [])
  }

  // MARK: Parameters

  /// Names, defaults and bounds of the parameters, as they are in force.
  public var parameterTable: ParameterTable { rules.parameters }

  /// Puts parameters in force at once that the store holds already; those that aren't named keep their values, nil gives
  /// back the default. What a refresh reads that began before doesn't take them away again.
  /// - Returns: false if there is no such subscription here: cancelled, or so new that no refresh has seen it.
  public func set(_ parameters: [String: String?], of id: Int) -> Bool {
    guard let present = table.byID[id] else { return false }
    if isRefreshing { editedMeanwhile.insert(id) }
    let next = present.subscription.setting(parameters)
    guard next != present.subscription else { return true }
    report(table.replace(next, rules))
    merges += 1
    var changes = SubscriptionChanges()
    changes.changed = [id]
    onChange?(changes)
    snapshotIsStale = false
    snapshots?.submit(table)
    return true
  }

  // MARK: Refreshing

  /// Reads the store for the first time; if it is down, the snapshot of an earlier run.
  public func start() async {
    hasStarted = true
    await refresh()
    guard outage.error != nil, table.byID.isEmpty, let snapshots else { return }
    switch await snapshots.read() {
    case .success(let subscriptions):
      guard table.byID.isEmpty else { return }
      let plan = await Self.plan(subscriptions, table, rules)
      isFromSnapshot = true
      swap(plan)
      logger.warning("store is down, using the snapshot", metadata: ["subscriptions": "\(subscriptions.count)"])
    case .failure(let error):
      logger.warning("store is down, and there is no usable snapshot", metadata: [LogKey.error: "\(error)"])
    }
  }

  /// Starts, unless that was done, then refreshes every `RefreshInterval`, or with backoff while the store is down, until it is cancelled.
  public func run() async {
    if !hasStarted { await start() }
    while !Task.isCancelled {
      let pause =
        refreshFailures == 0
        ? refreshInterval : StoreOutage.pause(afterFailures: refreshFailures, random: timing.random())
      do { try await timing.sleep(pause) } catch { break }
      await refresh()
    }
    await snapshots?.flush()
  }

  /// Brings the directory up to date. One at a time: a call while another is under way waits for a further one, which
  /// began after the call.
  public func refresh() async {
    if isRefreshing {
      await withCheckedContinuation { waitingForNextRefresh.append($0) }
      return
    }
    isRefreshing = true
    await refreshOnce()
    while !waitingForNextRefresh.isEmpty || refreshesAgain {
      let waiting = waitingForNextRefresh
      waitingForNextRefresh = []
      refreshesAgain = false
      await refreshOnce()
      for continuation in waiting { continuation.resume() }
    }
    isRefreshing = false
  }

  /// Looks up afresh what a cache key prefix names (`ClearDataCache`); no prefixes: everything. The key of a topic is
  /// `subscriptions_<topic>`. What is known stays in force until the store has answered.
  public func clear(keyPrefixes: [String] = []) async {
    if keyPrefixes.isEmpty {
      absences.removeAll()
    } else {
      absences.removeAll { topic in keyPrefixes.contains { "subscriptions_\(topic)".hasPrefix($0) } }
    }
    version = nil
    await refresh()
  }

  /// Puts a changed configuration in force; needs no store, and doesn't wait for one that hangs.
  public func configure(_ rules: ChannelRules) async {
    self.rules = rules
    rulesHaveChanged = true
    while true {
      let before = (swaps, merges)
      let plan = await Self.rebuild(table, self.rules)
      guard before == (swaps, merges) else { continue }
      swap(plan)
      break
    }
    // A refresh under way may have begun with the old rules: what it puts in force is made anew by the one after it.
    if isRefreshing { refreshesAgain = true } else { rulesHaveChanged = false }
  }

  /// Waits until the snapshot of the last change is written.
  public func flush() async { await snapshots?.flush() }

  private func refreshOnce() async {
    lookedUpMeanwhile = []
    editedMeanwhile = []
    if rulesHaveChanged {
      rulesHaveChanged = false
      swap(await Self.rebuild(table, rules))
      lookedUpMeanwhile = []
      editedMeanwhile = []
    }
    do {
      guard let (plan, newVersion) = try await Self.fetch(store, version, table, rules) else {
        refreshed()
        return
      }
      version = newVersion
      swap(plan)
      refreshed()
      if let snapshots, snapshotIsStale {
        snapshotIsStale = false
        snapshots.submit(table)
      }
    } catch {
      if storeFailed(error).code != .cancelled { refreshFailures += 1 }
    }
  }

  private func refreshed() {
    refreshFailures = 0
    lastRefresh = timing.now()
    isFromSnapshot = false
    storeAnswered()
  }

  private func swap(_ plan: SubscriptionTable.Plan) {
    var next = plan.table
    var changes = plan.changes
    let missing = lookedUpMeanwhile.flatMap { table.byTopic[$0] ?? [] }.filter { next.byID[$0.id] == nil }
    if !missing.isEmpty {
      next.adopt(missing)
      version = nil
    }
    // A lookup may have announced some of them while the snapshot was read.
    if !lookedUpMeanwhile.isEmpty {
      changes.changed += changes.added.filter { table.byID[$0] != nil }
      changes.added.removeAll { table.byID[$0] != nil }
    }

    keepEdits(in: &next, &changes)
    Swift.swap(&table, &next)
    swaps += 1
    Self.free(next)
    if absences.count > 0 {
      for id in changes.added + changes.changed { table.byID[id].map { absences.remove($0.topic) } }
    }
    report(plan.warnings)
    if !changes.isEmpty {
      snapshotIsStale = true
      logger.debug(
        "subscriptions changed",
        metadata: [
          "added": "\(changes.added.count)", "changed": "\(changes.changed.count)",
          "cancelled": "\(changes.cancelled.count)", LogKey.count: "\(table.byID.count)",
        ])
      onChange?(changes)
    }
  }

  /// What was read may be older than parameters that were set meanwhile; the next refresh reads everything anew.
  private func keepEdits(in next: inout SubscriptionTable, _ changes: inout SubscriptionChanges) {
    for id in editedMeanwhile {
      guard let present = table.byID[id]?.subscription, let read = next.byID[id]?.subscription,
        read.parameters != present.parameters
      else { continue }
      _ = next.replace(read.with(parameters: present.parameters), rules)
      if !changes.changed.contains(id) { changes.changed.append(id) }
      version = nil
    }
  }

  @concurrent
  private static func fetch(
    _ store: any SubscriptionStore, _ version: StoreVersion?, _ table: SubscriptionTable, _ rules: ChannelRules
  ) async throws -> (SubscriptionTable.Plan, StoreVersion?)? {
    guard let snapshot = try await store.subscriptions(changedSince: version) else { return nil }
    return (table.next(snapshot.subscriptions, rules), snapshot.version)
  }

  @concurrent
  private static func plan(
    _ subscriptions: [Subscription], _ table: SubscriptionTable, _ rules: ChannelRules
  ) async -> SubscriptionTable.Plan {
    table.next(subscriptions, rules)
  }

  @concurrent
  private static func rebuild(_ table: SubscriptionTable, _ rules: ChannelRules) async -> SubscriptionTable.Plan {
    table.next(table.byID.values.map(\.subscription), rules, rebuilds: true)
  }

  /// Ten thousands of objects take milliseconds to free: not on the loop.
  private static func free(_ table: SubscriptionTable) {
    Task.detached(priority: .background) { [table] in withExtendedLifetime(table) {} }
  }

  // MARK: The store's state

  /// How it is with the store and the snapshot.
  public var health: Health {
    Health(
      subscriptions: table.byID.count, topics: table.byTopic.count, absentTopics: absences.count,
      lastRefresh: lastRefresh, isFromSnapshot: isFromSnapshot, storeError: outage.error,
      storeErrors: storeErrors, storeErrorAt: outage.at, storeRetryAt: outage.retryAt,
      snapshotError: snapshots?.lastError)
  }

  private func storeAnswered() {
    guard outage.error != nil else { return }
    outage = StoreOutage()
    logger.info("store answers again")
    onStoreAnswersAgain?()
  }

  private func storeFailed(_ error: any Error) -> StoreError {
    let error = StoreError(error)
    guard error.code != .cancelled else { return error }
    if outage.error == nil {
      logger.warning("store doesn't answer, the last known state is used", metadata: [LogKey.error: "\(error)"])
    }
    storeErrors += 1
    outage.record(error, at: timing.now(), random: timing.random())
    return error
  }

  private func report(_ warnings: [SubscriptionWarning]) {
    for warning in warnings.prefix(Self.maximumWarnings) {
      logger.warning(
        "subscription has unusable rows",
        metadata: [LogKey.subscription: "\(warning.subscription)", "problem": "\(warning.text)"])
    }
    if warnings.count > Self.maximumWarnings {
      logger.warning(
        "more subscriptions have unusable rows", metadata: [LogKey.count: "\(warnings.count - Self.maximumWarnings)"])
    }
  }

  /// Of one refresh; the rest is counted.
  static let maximumWarnings = 50
}
