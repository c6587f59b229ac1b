import Logging
import MEDCore
import MEDLoop

/// A connection that puts into one tube and does nothing else. Confined to its loop.
///
/// The tube is `use`d and never `watch`ed: whoever watches the main queue is taken for one who works on it, by amender and
/// by dispatchers that look for what a crash has left. Since the connection never leaves the tube, reading USING once is
/// enough to know where its puts go.
final class PutConnection: LinkOwner, TurnEndHandler {
  let endpoint: Endpoint
  let tube: TubeName
  private(set) lazy var link = Link(endpoint, owner: self)
  /// Set once its tube is in use.
  private(set) var connection: Connection?
  private(set) var latestError = BeanstalkError(.unreachable, "not connected yet")
  /// What a job may have in bytes, as far as the server has ever told.
  private(set) var maxJobSize: Int?

  private var waiting: [QueuedPut] = []
  private var waitingBytes = 0
  private var isScheduled = false
  private var isFirstConnect = true
  private var isOutageTold = false
  private let changes: LoopCondition

  init(_ endpoint: Endpoint, tube: TubeName) {
    self.endpoint = endpoint
    self.tube = tube
    changes = LoopCondition(endpoint.actor.loop)
    link.start()
    // Also when the name isn't resolved, or the server that was reached says nothing.
    endpoint.actor.loop.schedule(after: endpoint.configuration.firstConnectPatience) { [weak self] in
      self?.endFirstConnect()
    }
  }

  var isIdle: Bool { waiting.isEmpty && connection?.isIdle ?? true }

  // MARK: Puts

  /// One outcome for each, in order. The first attempt to connect is waited for, for a while.
  func put(_ puts: [Put]) async -> [PutOutcome] {
    if puts.isEmpty { return [] }
    await waitForFirstConnect()
    return await withUnsafeContinuation { enqueue(PutBatch(puts, $0)) }
  }

  /// Until it is up, has failed, or took too long (``BeanstalkConfiguration/firstConnectPatience``).
  func waitForFirstConnect() async {
    while isFirstConnect, !Task.isCancelled { await changes.wait(until: nil) }
  }

  private func enqueue(_ batch: PutBatch) {
    let limit = endpoint.statistics.maxJobSize
    for index in batch.puts.indices {
      let size = batch.puts[index].body.count
      guard let connection, connection.unsentBytes + waitingBytes <= endpoint.configuration.outputLimit else {
        batch.finish(index, .unavailable)
        continue
      }
      if size > limit {
        batch.finish(index, .tooBig)
      } else {
        waiting.append(QueuedPut(batch: batch, index: index))
        waitingBytes += size
      }
    }
    scheduleFlush()
  }

  // MARK: Sending

  private func scheduleFlush() {
    guard !isScheduled else { return }
    isScheduled = true
    endpoint.actor.loop.atEndOfTurn(self)
  }

  /// While answers are awaited puts gather, so that few writes carry them, and so that what a server which hangs was never
  /// sent is known not to be there.
  func turnEnded() {
    isScheduled = false
    guard let connection, !waiting.isEmpty else { return }
    if connection.isAwaiting, waitingBytes < endpoint.configuration.gatherLimit { return }
    for queued in waiting {
      let put = queued.put
      connection.output.appendPut(
        put.body, priority: put.priority, delay: put.delay,
        timeToRun: put.timeToRun ?? endpoint.configuration.timeToRun)
    }
    connection.expect(PutExchange(waiting.map { .put($0) }) { [weak self] number, _ in self?.kick(number) })
    waiting = []
    waitingBytes = 0
    connection.flush()
  }

  /// A job that the server stored in the buried state, for want of memory. If that comes to nothing it stays as it is
  /// until somebody kicks it, which is what the log is told.
  private func kick(_ number: UInt64) {
    guard let connection else { return }
    let logger = endpoint.configuration.logger
    let address = endpoint.address
    connection.output.append(.kickJob(number))
    connection.expect(
      KickExchange { isDone in
        if isDone { return }
        logger.error(
          "a job that was put stays buried: it couldn't be kicked",
          metadata: [LogKey.queueServer: "\(address)", LogKey.jobID: "\(number)"])
      })
    connection.isAnswering = true
  }

  // MARK: Closing

  /// Ends the connection once what has been asked is answered, at the latest after `limit`.
  func close(within limit: Duration) async {
    let end = ContinuousClock.now + limit
    while !isIdle, ContinuousClock.now < end, !Task.isCancelled { await changes.wait(until: end) }
    link.stop()
    isFirstConnect = false
    changes.signal()
  }

  // MARK: LinkOwner

  func linkIsUp(_ connection: Connection, instance: UInt32) {
    endpoint.actor.spawn { await self.setUp(connection) }
  }

  private func setUp(_ connection: Connection) async {
    do throws(BeanstalkError) {
      let answer = try await connection.ask(.use(tube)).first
      guard let answer, case .using = answer.reply, answer.body == Array(tube.description.utf8) else {
        throw .refusal(answer?.text ?? "nothing", to: "use")
      }
    } catch {
      return connection.close(error)
    }
    guard connection.isOpen else { return }
    self.connection = connection
    maxJobSize = endpoint.statistics.maxJobSize
    if isOutageTold {
      isOutageTold = false
      endpoint.configuration.logger.info(
        "queue server reached", metadata: [LogKey.queueServer: "\(endpoint.address)"])
    }
    endFirstConnect()
  }

  func linkDrained() {
    if !waiting.isEmpty { scheduleFlush() }
    changes.signal()
  }

  func linkIsDown(_ error: BeanstalkError) {
    connection = nil
    let lost = waiting
    waiting = []
    waitingBytes = 0
    for queued in lost { queued.finish(.unavailable) }
    tellOutage(error)
  }

  func linkFailed(_ error: BeanstalkError) { tellOutage(error) }

  /// Once for each outage, however many attempts fail.
  private func tellOutage(_ error: BeanstalkError) {
    latestError = error
    if !isOutageTold, error.code != .closed {
      isOutageTold = true
      endpoint.configuration.logger.warning(
        "queue server can't be reached",
        metadata: [LogKey.queueServer: "\(endpoint.address)", LogKey.error: "\(error)"])
    }
    endFirstConnect()
  }

  private func endFirstConnect() {
    isFirstConnect = false
    changes.signal()
  }
}

/// One `kick-job` and its answer.
private final class KickExchange: Exchange {
  private let answered: (_ isDone: Bool) -> Void

  init(answered: @escaping (_ isDone: Bool) -> Void) { self.answered = answered }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    switch reply {
    // Not found: somebody has kicked it already.
    case .kicked, .kickedCount, .notFound: answered(true)
    default:
      guard reply.isRefusal else { return .violation }
      answered(false)
    }
    return .complete
  }

  func abandon(_ error: BeanstalkError) { answered(false) }
}
