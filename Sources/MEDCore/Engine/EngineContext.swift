import Logging
import MEDLoop

/// What the stages of one engine share. Confined to its loop.
final class EngineContext {
  /// Its live part changes while the engine runs: read it where it is used, and once where two uses must agree.
  var configuration: DispatcherConfiguration
  let actor: LoopActor
  let dataLog: any DataLog
  /// For what drop policies keep out of channels.
  let dropLog: any DataLog
  let directory: SubscriptionDirectory
  let logger: Logger
  let work: WorkCount
  let requests: PushRequestBuilder
  var counters = DispatcherCounters()
  private(set) var backlog = Backlog(servers: 0)
  private var warnings = SparseReport<ChannelWarning>(every: .seconds(60))
  /// By whether it is the drop log. A log that fails does so for thousands of messages at a time.
  var commitReport = SparseReport<Bool>(every: .seconds(1))
  /// Pushes of all lanes, and of each subscription.
  var rates = PushHistory()
  var pushes = PushTable()
  /// How they ended.
  var tally = PushTally()
  /// When the engine began.
  let origin: ContinuousClock.Instant
  /// Whole seconds since then; moved on by whoever looks the lanes over, so that no push has to ask a clock.
  private(set) var second = 0
  /// Nothing new is begun any more.
  var isStopping = false

  /// nil: no failure log is kept.
  var failures: FailureLogWriter?
  /// nil: no alerts are raised.
  var alerts: AlertWatch?
  /// nil while nothing is pushed here.
  var pushSession: (any PushSession)?

  private(set) var desks: [ServerDesk] = []
  private var nextDesk = 0

  /// - Parameter dropLog: nil: the DATA log.
  init(
    configuration: DispatcherConfiguration, actor: LoopActor, dataLog: any DataLog, dropLog: (any DataLog)? = nil,
    directory: SubscriptionDirectory, logger: Logger
  ) {
    self.configuration = configuration
    self.actor = actor
    self.dataLog = dataLog
    self.dropLog = dropLog ?? dataLog
    self.directory = directory
    self.logger = logger
    work = WorkCount(loop: actor.loop)
    requests = PushRequestBuilder(
      contextHeader: configuration.contextHeader, owlContextHeader: configuration.owlContextHeader)
    origin = actor.loop.now
  }

  /// Brings ``second`` up to date.
  /// - Returns: how long the present second still lasts.
  func countSeconds() -> Duration {
    let passed = ContinuousClock.now - origin
    second = max(second, Int(clamping: passed.components.seconds))
    return .seconds(second + 1) - passed
  }

  func open(_ queue: any MessageQueue) {
    desks = actor.assumeIsolatedOpen(queue).enumerated().map { index, server in
      ServerDesk(
        index: index, queue: server,
        settler: Settler(server: server, dataLog: dataLog, actor: actor, logger: logger),
        turns: TakeTurns(capacity: configuration.takesPerServer, server: server, actor: actor))
    }
    backlog = Backlog(servers: desks.count)
  }

  /// So many lanes wait for their turn on every server that it is better to let them take before more tubes are filled:
  /// each tube that exists costs the queue server on every command.
  var lanesAreBackedUp: Bool {
    let reachable = desks.filter(\.queue.isReachable)
    return !reachable.isEmpty && reachable.allSatisfy { $0.turns.waiting > TakeTurns.manyWaiting }
  }

  func push(_ request: PushRequest) async -> PushAnswer {
    guard let pushSession else { return .failed(PushFailure(.cancelled, "nothing is pushed here")) }
    return await pushSession.push(request)
  }

  /// A warning that each message of a subscription could raise, and that is logged for few of them.
  func warn(
    _ subject: ChannelWarning.Subject, of channel: SubscribedChannel, _ message: Logger.Message,
    _ metadata: @autoclosure () -> Logger.Metadata = [:]
  ) {
    let warning = ChannelWarning(subject: subject, subscription: channel.id)
    guard let count = warnings.happened(warning, now: actor.loop.now) else { return }
    var metadata = metadata()
    metadata[LogKey.topic] = "\(channel.topic)"
    metadata[LogKey.subscription] = "\(channel.id)"
    if count > 1 { metadata[LogKey.count] = "\(count)" }
    logger.warning(message, metadata: metadata)
  }

  /// The servers in the order in which one should be tried: reachable ones in turn first, so that load spreads evenly.
  func desksToTry(first preferred: ServerDesk? = nil) -> [ServerDesk] {
    guard desks.count > 1 else { return desks }
    nextDesk = (nextDesk + 1) % desks.count
    var order = Array(desks[nextDesk...] + desks[..<nextDesk])
    if let preferred { order = [preferred] + order.filter { $0 !== preferred } }
    return order.filter { isResponsive($0) } + order.filter { !isResponsive($0) }
  }

  /// The server that the next batch of copies goes to.
  func nextReachableDesk() -> ServerDesk {
    guard desks.count > 1 else { return desks[0] }
    for _ in desks.indices {
      nextDesk = (nextDesk + 1) % desks.count
      if isResponsive(desks[nextDesk]) { return desks[nextDesk] }
    }
    return desks.first(where: \.queue.isReachable) ?? desks[nextDesk]
  }

  private func isResponsive(_ desk: ServerDesk) -> Bool {
    desk.queue.isReachable && !desk.isSlow(at: actor.loop.now) && !desk.isRefusing(at: actor.loop.now)
  }

  func put(_ puts: [Put], at desk: ServerDesk) async -> [PutOutcome] {
    desk.putBegins(at: actor.loop.now)
    let outcomes = await desk.queue.put(puts)
    desk.putEnds(outcomes, at: actor.loop.now)
    return outcomes
  }
}

/// What each message of a subscription could raise a warning of. Outlives lanes, which come and go with their messages.
struct ChannelWarning: Hashable {
  enum Subject: Hashable, CaseIterable {
    case noTarget, unsendableHeader, dropPolicy
  }

  let subject: Subject
  let subscription: Int
}

/// What the engine keeps for one queue server.
final class ServerDesk {
  let index: Int
  let queue: any QueueServer
  let settler: Settler
  let turns: TakeTurns

  /// Jobs whose way depends on others than the subscriber: a store, a disk, another queue server.
  private var detained: [JobID: Job] = [:]

  init(index: Int, queue: any QueueServer, settler: Settler, turns: TakeTurns) {
    self.index = index
    self.queue = queue
    self.settler = settler
    self.turns = turns
  }

  // MARK: Slowness

  /// A server that leaves puts unanswered for so long gets no more while there is another.
  private static let patience = Duration.milliseconds(500)
  private(set) var putsUnderWay = 0
  private var latestProgress: ContinuousClock.Instant?
  /// One that answers a put with DRAINING or OUT_OF_MEMORY gets no more for so long while there is another.
  private static let refusalRest = Duration.seconds(1)
  private var latestRefusal: ContinuousClock.Instant?

  func putBegins(at now: ContinuousClock.Instant) {
    if putsUnderWay == 0 { latestProgress = now }
    putsUnderWay += 1
  }

  func putEnds(_ outcomes: [PutOutcome], at now: ContinuousClock.Instant) {
    putsUnderWay -= 1
    latestProgress = now
    if case .refused = outcomes.last { latestRefusal = now }
  }

  func isRefusing(at now: ContinuousClock.Instant) -> Bool {
    latestRefusal.map { now - $0 < Self.refusalRest } ?? false
  }

  func isSlow(at now: ContinuousClock.Instant) -> Bool {
    guard putsUnderWay > 0, let latestProgress else { return false }
    return now - latestProgress >= Self.patience
  }

  // MARK: Stop

  func detain(_ job: Job) { detained[job.id] = job }

  func free(_ job: Job) {
    if !detained.isEmpty { detained[job.id] = nil }
  }

  /// When no time is left to wait for those: the jobs go back. Whoever still finds a home for one may delete it.
  func giveBackDetained() {
    for job in detained.values {
      var entry = Settler.Entry(job: job, settlement: Settlement(), topic: nil, subscription: nil)
      settler.giveBack(&entry)
    }
    detained = [:]
  }
}

extension LoopActor {
  /// Opens the sessions of `queue` from code that runs on the loop.
  nonisolated func assumeIsolatedOpen(_ queue: any MessageQueue) -> [any QueueServer] {
    nonisolated(unsafe) var servers: [any QueueServer] = []  // why: caller and closure run on the same loop
    assumeIsolated { servers = queue.open(on: $0) }
    return servers
  }

  nonisolated func assumeIsolatedOpen(_ pusher: any Pusher) -> any PushSession {
    nonisolated(unsafe) var session: (any PushSession)?  // why: caller and closure run on the same loop
    assumeIsolated { session = pusher.open(on: $0) }
    return session!  // why: assumeIsolated has run the closure
  }
}
