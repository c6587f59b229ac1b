import Logging
import MEDCore
import MEDLoop

/// The session with one beanstalkd. Confined to its loop.
///
/// Connections: for puts, deletes and kicks; for taking channel jobs; one for statistics; one for each listener. Each
/// comes back by itself. End it with ``close(within:)``.
public final class BeanstalkServer: QueueServer {
  /// Whether commands can be sent, for how long that has been so, and what went wrong last.
  public struct Health: Sendable {
    /// Whether commands can be sent.
    public internal(set) var isReachable = false
    /// When that became so.
    public internal(set) var since = ContinuousClock.now
    /// What went wrong last, even if it is mended.
    public internal(set) var latestError: BeanstalkError?
  }

  /// The present state of the connections that put, delete and kick.
  public private(set) var health = Health()
  /// Called on the loop whenever ``isReachable`` changes.
  public var onReachabilityChange: ((BeanstalkServer) -> Void)?

  let endpoint: Endpoint
  private(set) lazy var adrift = AdriftJobs(endpoint, server: self)
  /// How jobs that are taken are kept.
  private(set) lazy var custody = makeCustody()
  private(set) var commands: [CommandConnection] = []
  let takes: TakePool
  let looks: StatisticsConnection
  private(set) var listeners: [BeanstalkListener] = []
  private var awaitingFirst: [UnsafeContinuation<Void, Never>] = []
  private var isFirstConnect = true
  private var isOutageTold = false
  private(set) var isClosed = false

  /// Begins to connect. Only on the loop of `actor`.
  /// - Parameter takes: whether the connections that take jobs are needed; without, ``startTaking()`` makes them.
  init(_ endpoint: Endpoint, takes startsTakes: Bool = true) {
    self.endpoint = endpoint
    takes = TakePool(endpoint)
    looks = StatisticsConnection(endpoint)
    for _ in 0..<max(1, endpoint.configuration.commandConnections) {
      commands.append(CommandConnection(endpoint, server: self))
    }
    for connection in commands { connection.link.start() }
    if startsTakes { takes.start() }
    looks.link.start()
    endpoint.actor.loop.schedule(after: endpoint.configuration.firstConnectPatience) { [weak self] in
      self?.endFirstConnect()
    }
  }

  deinit {
    for connection in commands { connection.link.stopFromAnywhere() }
    takes.stopFromAnywhere()
    looks.link.stopFromAnywhere()
  }

  /// Connects those that take jobs, if that hasn't been done.
  func startTaking() { takes.start() }

  /// Of the server.
  public var address: QueueServerAddress { endpoint.address }
  /// Whether commands can be sent right now.
  public var isReachable: Bool { health.isReachable }
  /// Whether every connection that the session keeps is up, those of listeners aside.
  public var isFullyConnected: Bool { commands.allSatisfy(\.isUp) && takes.isFullyUp && looks.isUp }
  /// What `stats` said at the latest connect.
  public var statisticsAtConnect: ServerStatistics { endpoint.statistics }

  /// A listener on `tube` with a connection of its own, which may block there.
  public func listen(to tube: TubeName) -> any QueueListener {
    let listener = BeanstalkListener(endpoint, tube: tube, adrift: adrift, custody: custody)
    listeners.removeAll { $0.isFinished && !$0.holdsJobs }
    listeners.append(listener)
    if isClosed { listener.stop() } else { listener.start() }
    return listener
  }

  private func makeCustody() -> Custody {
    switch endpoint.configuration.inFlightState {
    case .buried: .buried(adrift)
    case .reserved: .reserved(ReservedJobs(endpoint, server: self))
    }
  }

  /// Takes up to `count` ready jobs without waiting for more to come; each is buried, or stays reserved.
  public func take(_ count: Int, from tube: TubeName) async -> TakeOutcome {
    guard count > 0 else { return TakeOutcome() }
    guard !adrift.isFull else { return TakeOutcome(failure: "too many jobs may lie buried") }
    let result = await takes.take(count, from: tube, custody)
    adrift.add(result.adrift)
    return TakeOutcome(
      jobs: result.jobs, ranDry: result.ranDry, failure: result.jobs.isEmpty ? result.failure?.message : nil)
  }

  /// Stores jobs; one outcome for each, in order.
  public func put(_ puts: [Put]) async -> [PutOutcome] {
    if puts.isEmpty { return [] }
    if isFirstConnect, !isReachable { await withUnsafeContinuation { awaitingFirst.append($0) } }
    guard let connection = idlestCommandConnection, !adrift.isFull else {
      return Array(repeating: .unavailable, count: puts.count)
    }
    return await withUnsafeContinuation { connection.put(PutBatch(puts, $0)) }
  }

  /// Shows others that somebody works on `tube`, until ``release(_:)``.
  public func hold(_ tube: TubeName) { commandConnection(of: tube).pin(tube) }

  /// The opposite of ``hold(_:)``, once for each.
  public func release(_ tube: TubeName) { commandConnection(of: tube).unpin(tube) }

  /// Totals over the whole server.
  public func statistics() async throws -> ServerStatistics { try await looks.statistics() }

  /// Totals of one tube; nil if there is none.
  public func statistics(of tube: TubeName) async throws -> TubeStatistics? { try await looks.statistics(of: tube) }

  /// The names of all tubes.
  public func tubes() async throws -> [String] { try await looks.tubes() }

  /// How long until the first delayed job of `tube` becomes ready, rounded up to seconds; nil if it has none.
  public func timeUntilNextDelayed(in tube: TubeName) async throws -> Duration? {
    try await looks.timeUntilNextDelayed(in: tube)
  }

  /// The bytes of a job in `tube`; nil if there is none by that number.
  public func peek(_ id: JobID, in tube: TubeName) async throws -> [UInt8]? { try await looks.peek(id, in: tube) }

  // MARK: Command connections

  var idlestCommandConnection: CommandConnection? {
    var idlest: CommandConnection?
    for connection in commands where connection.isUp {
      if idlest.map({ connection.load < $0.load }) ?? true { idlest = connection }
    }
    return idlest
  }

  private func commandConnection(of tube: TubeName) -> CommandConnection {
    commands.count == 1 ? commands[0] : commands[Int(tube.hashValue.magnitude % UInt(commands.count))]
  }

  func commandConnectionChanged(_ error: BeanstalkError?) {
    if let error { health.latestError = error }
    let isReachable = commands.contains(where: \.isUp)
    if isReachable {
      endFirstConnect()
      adrift.settle()
    }
    guard isReachable != health.isReachable else { return }
    health.isReachable = isReachable
    health.since = .now
    if isReachable {
      isOutageTold = false
      endpoint.configuration.logger.info("queue server reached", metadata: [LogKey.queueServer: "\(address)"])
    } else if let error, !isClosed {
      tellOutage("queue server lost", error)
    }
    onReachabilityChange?(self)
  }

  func connectFailed(_ error: BeanstalkError) {
    tellOutage("queue server can't be reached", error)
    health.latestError = error
    endFirstConnect()
  }

  /// Once for each outage, however many attempts fail.
  private func tellOutage(_ message: Logger.Message, _ error: BeanstalkError) {
    if isOutageTold { return }
    isOutageTold = true
    let logger = endpoint.configuration.logger
    logger.warning(message, metadata: [LogKey.queueServer: "\(address)", LogKey.error: "\(error)"])
    let metadata: Logger.Metadata = [LogKey.queueServer: "\(address)", LogKey.error: "\(error)"]
    // The names of the calls are looked up in the program's file: not on the loop.
    Task.detached {
      logger.warning(
        "stack trace of that error", metadata: metadata.merging([LogKey.stack: "\(error.stack)"]) { $1 })
    }
  }

  private func endFirstConnect() {
    isFirstConnect = false
    let resumed = awaitingFirst
    awaitingFirst = []
    for continuation in resumed { continuation.resume() }
  }

  // MARK: Closing

  private static let closingPoll = Duration.milliseconds(2)

  /// Ends the session once what has been asked is answered, at the latest after `deadline`. What listeners have taken
  /// and nobody has asked for goes back to ready.
  public func close(within deadline: Duration) async {
    let end = ContinuousClock.now + deadline
    for listener in listeners { listener.stop() }
    await wait(until: end) { self.listeners.allSatisfy(\.hasStopped) }
    await giveBackLeftovers(until: end)
    await wait(until: end) {
      self.takes.isIdle && self.looks.isIdle && self.commands.allSatisfy(\.isIdle)
        && (self.adrift.isEmpty || !self.isReachable)
    }
    isClosed = true
    stopLinks()
  }

  /// Jobs that a listener has taken and nobody has asked for go back to ready.
  private func giveBackLeftovers(until end: ContinuousClock.Instant) async {
    var leftovers = listeners.flatMap { $0.takeLeftovers() }
    // What is reserved goes back with its connection.
    guard custody.buries, !leftovers.isEmpty else { return }
    let kicking = endpoint.actor.spawn {
      while !leftovers.isEmpty, ContinuousClock.now < end {
        let outcomes = await self.kick(leftovers)
        leftovers = zip(leftovers, outcomes).compactMap { if case .failed = $1 { $0 } else { nil } }
        if !leftovers.isEmpty { try? await self.endpoint.actor.loop.sleep(for: .milliseconds(50)) }
      }
    }
    await kicking.value
    for job in leftovers {
      endpoint.configuration.logger.error(
        "a job stays buried: it couldn't be kicked before the end",
        metadata: [LogKey.queueServer: "\(address)", LogKey.tube: "\(job.tube)", LogKey.jobID: "\(job.id.number)"])
    }
  }

  private func wait(until end: ContinuousClock.Instant, _ isDone: () -> Bool) async {
    while !isDone(), ContinuousClock.now < end {
      // In a task of its own: if this one is cancelled its sleeps end at once.
      await endpoint.actor.spawn { try? await self.endpoint.actor.loop.sleep(for: Self.closingPoll) }.value
    }
  }

  private func stopLinks() {
    for connection in commands { connection.link.stop() }
    takes.stop()
    looks.link.stop()
    for listener in listeners { listener.close() }
    listeners = []
    endFirstConnect()
  }
}
