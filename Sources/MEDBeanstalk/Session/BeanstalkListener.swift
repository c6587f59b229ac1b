import DequeModule
import MEDCore
import MEDLoop

/// Waits for jobs of one tube on a connection of its own. Confined to its loop.
///
/// A batch is one blocking `reserve` and as many that don't wait, in one write. While the caller works on one batch the
/// next is fetched: at most two are ours at a time, the one in the caller's hands and the one ahead.
final class BeanstalkListener: QueueListener, LinkOwner {
  /// After a refused reserve (the server is out of memory), and while too many jobs are adrift.
  private static let refusalPause = Duration.milliseconds(500)

  /// While jobs are held reserved the server is asked this often, unless the last of them is settled before: a blocked
  /// reserve would hold up their deletes and touches.
  private static let pollInterval = Duration.milliseconds(100)

  private let endpoint: Endpoint
  private weak var adrift: AdriftJobs?
  private let custody: Custody
  private let tube: TubeName
  private lazy var link = Link(endpoint, owner: self)
  /// Set once the tube is watched.
  private var connection: Connection?
  private var instance: UInt32 = 0

  private var batchSize = 1
  /// Its reserves aren't all answered yet.
  private var fetching: ReserveExchange?
  /// Batches whose reserves have been answered and whose buries haven't.
  private var burying = 0
  /// Complete batches that nobody has asked for yet.
  private var ahead: Deque<[Job]> = []
  private var waiting: Deque<UnsafeContinuation<[Job]?, Never>> = []
  private var isStopping = false
  private var isPausing = false
  /// The tube had no more when it was asked last, and what is held reserved forbids to wait there.
  private var pollTimer: LoopTimer?

  init(_ endpoint: Endpoint, tube: TubeName, adrift: AdriftJobs, custody: Custody) {
    self.endpoint = endpoint
    self.tube = tube
    self.adrift = adrift
    self.custody = custody
  }

  deinit { link.stopFromAnywhere() }

  func start() { link.start() }

  var isUp: Bool { connection != nil }

  /// No more will be taken, and what was is known.
  var hasStopped: Bool { isStopping && fetching == nil && burying == 0 }
  /// And all of it has been handed over.
  var isFinished: Bool { hasStopped && ahead.isEmpty }
  /// Jobs are reserved by its connection, which has to stay for as long.
  var holdsJobs: Bool { connection?.jobsHeld ?? 0 > 0 }

  // MARK: QueueListener

  func next() async -> [Job]? {
    if let batch = ahead.popFirst() {
      fetch()
      return batch
    }
    if isFinished { return nil }
    return await withUnsafeContinuation { continuation in
      waiting.append(continuation)
      fetch()
    }
  }

  func stop() {
    isStopping = true
    endIfDone()
  }

  /// What was taken and never asked for.
  func takeLeftovers() -> [Job] {
    defer { ahead = [] }
    return Array(ahead.joined())
  }

  // MARK: Fetching

  private func fetch() {
    guard let connection, connection.isOpen, fetching == nil, !isStopping, !isPausing, pollTimer == nil else { return }
    if adrift?.isFull == true { return pause() }
    // Whoever waits will get the batch that is being buried, so the one after it is already the one ahead.
    let allowed = waiting.isEmpty ? 1 : 2
    guard ahead.count + burying < allowed else { return }
    let count = min(batchSize, endpoint.configuration.maximumBatch)
    let exchange = ReserveExchange(
      count, from: tube, instance: instance, priority: endpoint.configuration.buryPriority,
      isBlocking: connection.jobsHeld == 0, custody: custody
    ) { [weak self] in self?.fetched($0) }
    exchange.onReserved = { [weak self] in self?.reserved(of: count) }
    fetching = exchange
    exchange.begin(on: connection)
  }

  private func reserved(of count: Int) {
    guard let exchange = fetching else { return }
    fetching = nil
    burying += 1
    batchSize = exchange.reservedCount == count ? min(count * 2, endpoint.configuration.maximumBatch) : 1
    if exchange.ranDry, holdsJobs { pollLater() }
    fetch()
  }

  private func pollLater() {
    pollTimer?.cancel()
    pollTimer = endpoint.actor.loop.schedule(after: Self.pollInterval) { [weak self] in self?.poll() }
  }

  private func poll() {
    pollTimer?.cancel()
    pollTimer = nil
    fetch()
  }

  private func heldNothing() {
    if isStopping { return endIfDone() }
    if pollTimer != nil { poll() }
  }

  private func fetched(_ result: ReserveExchange.Result) {
    if fetching?.hasEnded == true {
      fetching = nil
    } else {
      burying -= 1
    }
    if !result.jobs.isEmpty {
      if let first = waiting.popFirst() {
        first.resume(returning: result.jobs)
      } else {
        ahead.append(result.jobs)
      }
    }
    adrift?.add(result.adrift)
    if isStopping { return endIfDone() }
    if result.failure?.isRefusal == true { return pause() }
    fetch()
  }

  private func pause() {
    isPausing = true
    endpoint.actor.loop.schedule(after: Self.refusalPause) { [weak self] in
      self?.isPausing = false
      self?.fetch()
    }
  }

  /// A blocked reserve is ended by closing: the server gives back what it might just have reserved.
  private func endIfDone() {
    guard isStopping, burying == 0 else { return }
    if let fetching, fetching.hasBegun { return }
    if !holdsJobs { link.stop() }
    guard isFinished else { return }
    while let continuation = waiting.popFirst() { continuation.resume(returning: nil) }
  }

  /// What is held goes back to the server.
  func close() {
    pollTimer?.cancel()
    link.stop()
  }

  // MARK: LinkOwner

  func linkIsUp(_ connection: Connection, instance: UInt32) {
    self.instance = instance
    endpoint.actor.spawn { await self.setUp(connection) }
  }

  private func setUp(_ connection: Connection) async {
    do throws(BeanstalkError) {
      if tube != .standard {
        let answers = try await connection.ask(.watch(tube), .ignore(.standard))
        guard answers.count == 2, case .watching = answers[0].reply, answers[1].reply == .watching(1) else {
          let texts = answers.map(\.text).joined(separator: ", ")
          throw BeanstalkError(.refused, "watch and ignore were answered with \(texts)")
        }
      }
    } catch {
      return connection.close(error)
    }
    guard connection.isOpen else { return }
    self.connection = connection
    connection.onNothingHeld = { [weak self] in self?.heldNothing() }
    batchSize = 1
    fetch()
  }

  func linkIsDown(_ error: BeanstalkError) {
    connection = nil
    pollTimer?.cancel()
    pollTimer = nil
    // What kept it up has gone back.
    if isStopping { endIfDone() }
  }

  func linkFailed(_ error: BeanstalkError) {}
}
