import Logging
import MEDLoop

/// Everything that runs between a start and a stop, on one loop: intake, lanes, samplers, and their order of stopping.
final class Engine {
  let context: EngineContext
  private let changes: ConfigurationChanges
  let parts: EngineParts
  private(set) var intakes: [Intake] = []
  private(set) var samplers: [BacklogSampler] = []
  private(set) var recovery: RecoverWatcher?
  private(set) lazy var supervisor = LaneSupervisor(context)
  private var refreshing: Task<Void, Never>?
  /// What no message waits for.
  private let background: WorkCount

  init(_ changes: ConfigurationChanges, actor: LoopActor, _ parts: EngineParts) {
    let configuration = changes.begin()
    self.changes = changes
    self.parts = parts
    let directory = SubscriptionDirectory(
      store: parts.subscriptions,
      rules: configuration.channelRules,
      refreshInterval: configuration.refreshInterval,
      dataDirectory: configuration.dataDirectory, logger: parts.logger)
    context = EngineContext(
      configuration: configuration, actor: actor, dataLog: parts.dataLog, dropLog: parts.dropLog,
      directory: directory, logger: parts.logger)
    context.failures = parts.failureLog.map { log in
      FailureLogWriter(
        log, journal: configuration.dataDirectory.map { FailureJournal(directory: $0) },
        address: configuration.hostAddress ?? HostAddress.first(), actor: actor, logger: parts.logger)
    }
    background = WorkCount(loop: actor.loop)
    context.alerts = parts.alerts.map {
      AlertWatch(context, $0, host: configuration.hostAddress ?? HostAddress.first())
    }
  }

  var counters: DispatcherCounters { context.counters }
  var backlog: Backlog { context.backlog }

  func run(until stop: StopSignal) async {
    await start()
    await stop.wait()
    await finish()
  }

  private func start() async {
    context.open(parts.queue)
    context.alerts?.watchBacklog()
    if let pusher = parts.pusher { context.pushSession = context.actor.assumeIsolatedOpen(pusher) }
    context.directory.onChange = { [weak self] in self?.apply($0) }
    await context.directory.start()
    await context.failures?.start()
    startRefreshing()
    background.begin()
    context.actor.spawnIsolated {
      await self.followChanges()
      self.background.end()
    }
    for desk in context.desks {
      background.begin()
      context.actor.spawn {
        await self.open(desk)
        self.background.end()
      }
    }
    let supervisor = self.supervisor
    if parts.pusher != nil { context.actor.spawn { await supervisor.run() } }
    startSampling(parts.pusher == nil ? nil : supervisor)
    if let lists = parts.recoverLists {
      let recovery = RecoverWatcher(context, lists, parts.recovery)
      self.recovery = recovery
      recovery.start()
    }
  }

  /// Nothing is taken from a server before it is known which buried jobs aren't ours.
  private func open(_ desk: ServerDesk) async {
    await OrphanCheck(context, desk).run()
    guard !context.isStopping else { return }
    desk.turns.open()
    let intake = Intake(context, desk) { [weak self] channel, target, jobs in
      guard let self, self.parts.pusher != nil else { return }
      self.supervisor.announce(channel, .channel, jobs, at: target.index)
    }
    intakes.append(intake)
    intake.start()
  }

  private func startSampling(_ supervisor: LaneSupervisor?) {
    for desk in context.desks {
      let sampler = BacklogSampler(context, desk, supervisor)
      samplers.append(sampler)
      context.actor.spawn { await sampler.run() }
    }
    context.backlog.onOldSample = { [weak self] subscription in
      for sampler in self?.samplers ?? [] { sampler.sampleSoon(subscription) }
    }
  }

  private func apply(_ changes: SubscriptionChanges) {
    supervisor.apply(changes)
    context.backlog.apply(changes, context.directory)
  }

  private func startRefreshing() {
    refreshing?.cancel()
    let directory = context.directory
    background.begin()
    refreshing = context.actor.spawnIsolated {
      await directory.run()
      self.background.end()
    }
  }

  /// Puts changed configurations in force until the stop. Lanes take theirs with the changed subscriptions.
  private func followChanges() async {
    while let new = await changes.next() {
      let old = context.configuration
      context.configuration.takeLive(from: new)
      if old.refreshInterval != new.refreshInterval {
        context.directory.refreshInterval = new.refreshInterval
        // The pause under way may be much longer than the new one.
        startRefreshing()
      }
      if old.defaults != new.defaults || old.receptionEnvironment != new.receptionEnvironment {
        await context.directory.configure(context.configuration.channelRules)
      }
      changes.isInForce()
    }
  }

  /// Takes no more, finishes what is in flight, gives back the rest: see ARCHITECTURE.md, "Stopping".
  private func finish() async {
    context.logger.info("stopping", metadata: [LogKey.count: "\(context.work.count)"])
    context.isStopping = true
    changes.end()
    for sampler in samplers { sampler.stop() }
    refreshing?.cancel()
    for desk in context.desks { desk.turns.stop() }
    for intake in intakes { intake.stop() }
    supervisor.stop()
    // Beside the pushes: what it has in hand is done in a moment, or stays on its lists.
    let recovering = recovery.map { recovery in context.actor.spawn { await recovery.stop() } }
    let longestPush = Duration.milliseconds(context.configuration.defaults.maxProcessTimeoutMilliseconds)
    let isDone = await context.work.finish(within: longestPush)
    if !isDone {
      context.logger.warning(
        "cutting off what has not ended in time", metadata: [LogKey.count: "\(context.work.count)"])
    }
    await context.pushSession?.close()
    _ = await context.work.finish(within: .milliseconds(500))
    await recovering?.value
    for desk in context.desks { desk.giveBackDetained() }
    let settleDeadline = context.configuration.settleDeadline
    await forEachDesk { await $0.settler.drain(within: settleDeadline) }
    supervisor.close()
    await forEachDesk { await $0.queue.close(within: .milliseconds(500)) }
    await context.failures?.finish(within: context.configuration.failureLogDeadline)
    _ = await background.finish(within: .milliseconds(500))
    context.logger.info("stopped")
  }

  /// All at once: a server that doesn't answer takes its time from none of the others.
  private func forEachDesk(_ operation: @escaping (ServerDesk) async -> Void) async {
    let tasks = context.desks.map { desk in context.actor.spawn { await operation(desk) } }
    for task in tasks { await task.value }
  }
}
