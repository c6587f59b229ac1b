import MEDCore
import MEDLoop

/// The connection that puts, deletes and kicks. Confined to its loop.
///
/// Everything asked within one turn leaves in one write at its end. While answers are awaited, what is asked meanwhile is
/// gathered and leaves together when they have come, or when enough has gathered.
///
/// A put must never land in the wrong tube, and the server answers a refused `use` by staying in the tube before. So a
/// tube is held first: `watch`ed, and the answer read. A watched tube exists, its `use` can't be refused any more, and may
/// be pipelined with the puts behind it.
final class CommandConnection: LinkOwner, TurnEndHandler {
  let endpoint: Endpoint
  weak var server: BeanstalkServer?
  private(set) lazy var link = Link(endpoint, owner: self)
  private(set) var connection: Connection?
  /// The run of the server that it is connected to.
  private(set) var instance: UInt32 = 0

  var holds: [TubeName: Hold] = [:]
  var latestHold: Hold?
  var unheld: [Hold] = []
  var ready: [Hold] = []
  /// Those to be kept however long they aren't used, with how often that was asked.
  var pins: [TubeName: Int] = [:]
  /// The tube that `use` has in force once everything is answered that has been written.
  var tubeInUse: TubeName?

  var gatheredBytes = 0
  private var isScheduled = false
  var sweepTimer: LoopTimer?

  init(_ endpoint: Endpoint, server: BeanstalkServer) {
    self.endpoint = endpoint
    self.server = server
  }

  var isUp: Bool { connection != nil }
  var isIdle: Bool { connection?.isIdle ?? true && ready.isEmpty && unheld.isEmpty }
  /// How much it has to do, for choosing among several.
  var load: Int { gatheredBytes + (connection?.unsentBytes ?? 0) + (connection?.isAwaiting == true ? 1 : 0) }

  var holdCount: Int { holds.count }

  // MARK: Puts

  func put(_ batch: PutBatch) {
    guard let connection, connection.unsentBytes + gatheredBytes <= endpoint.configuration.outputLimit else {
      for index in batch.puts.indices { batch.finish(index, .unavailable) }
      return
    }
    let limit = endpoint.statistics.maxJobSize
    for index in batch.puts.indices {
      let put = batch.puts[index]
      if put.body.count > limit {
        batch.finish(index, .tooBig)
      } else {
        enqueue(QueuedPut(batch: batch, index: index), into: hold(for: put.tube))
        gatheredBytes += put.body.count + Self.putOverhead
      }
    }
    scheduleFlush()
  }

  static let putOverhead = 40

  private func enqueue(_ put: QueuedPut, into hold: Hold) {
    if hold.queue.isEmpty, hold.state == .held { ready.append(hold) }
    hold.queue.append(put)
  }

  func hold(for tube: TubeName) -> Hold {
    if let latestHold, latestHold.tube == tube { return latestHold }
    let hold = holds[tube] ?? makeHold(tube)
    latestHold = hold
    return hold
  }

  private func makeHold(_ tube: TubeName) -> Hold {
    if holds.count >= endpoint.configuration.maximumHolds { evict() }
    let hold = Hold(tube, now: endpoint.actor.loop.now)
    holds[tube] = hold
    unheld.append(hold)
    return hold
  }

  // MARK: Deletes and kicks

  func settle(_ verb: SettleBatch.Verb, _ ids: some Sequence<UInt64>, _ batch: SettleBatch) {
    guard let connection, connection.unsentBytes <= endpoint.configuration.outputLimit else {
      return batch.abandon(BeanstalkError(.unreachable, "not connected"))
    }
    for id in ids { connection.output.append(verb.command(id)) }
    connection.expect(batch)
    scheduleFlush()
  }

  /// A job that the server stored in the buried state, for want of memory.
  private func kickStored(_ id: UInt64, _ queued: QueuedPut) {
    let put = queued.put
    let id = JobID(instance: instance, number: id)
    server?.adrift.add([AdriftJob(id: id, tube: put.tube, body: put.body)])
  }

  // MARK: Sending

  func scheduleFlush() {
    guard !isScheduled else { return }
    isScheduled = true
    endpoint.actor.loop.atEndOfTurn(self)
  }

  func turnEnded() {
    isScheduled = false
    guard let connection else { return }
    let gathered = gatheredBytes + connection.output.count
    if connection.isAwaiting, gathered < endpoint.configuration.gatherLimit { return }
    encodeWatches(on: connection)
    encodePuts(on: connection)
    connection.flush()
  }

  private func encodeWatches(on connection: Connection) {
    if unheld.isEmpty { return }
    for hold in unheld {
      connection.output.append(.watch(hold.tube))
      hold.state = .asked
    }
    connection.expect(HoldExchange(unheld) { [weak self] in self?.holdAnswered($0, $1) })
    unheld = []
    setSweepTimer()
  }

  private func encodePuts(on connection: Connection) {
    if ready.isEmpty { return }
    var steps: [PutExchange.Step] = []
    steps.reserveCapacity(ready.reduce(0) { $0 + $1.queue.count + 1 })
    for hold in ready {
      if hold.tube != tubeInUse {
        connection.output.append(.use(hold.tube))
        steps.append(.use(hold.tube))
        tubeInUse = hold.tube
      }
      for queued in hold.queue {
        let put = queued.put
        connection.output.appendPut(
          put.body, priority: put.priority, delay: put.delay,
          timeToRun: put.timeToRun ?? endpoint.configuration.timeToRun)
        gatheredBytes -= put.body.count + Self.putOverhead
        steps.append(.put(queued))
      }
      hold.queue.removeAll(keepingCapacity: hold.queue.count <= 64)
      hold.lastUse = endpoint.actor.loop.now
    }
    ready.removeAll(keepingCapacity: true)
    connection.expect(PutExchange(steps) { [weak self] in self?.kickStored($0, $1) })
  }

  // MARK: LinkOwner

  func linkIsUp(_ connection: Connection, instance: UInt32) {
    self.connection = connection
    self.instance = instance
    for tube in pins.keys { _ = hold(for: tube) }
    scheduleFlush()
    server?.commandConnectionChanged(nil)
  }

  func linkDrained() {
    guard let connection else { return }
    if !connection.output.isEmpty || !ready.isEmpty || !unheld.isEmpty { scheduleFlush() }
  }

  func linkIsDown(_ error: BeanstalkError) {
    connection = nil
    tubeInUse = nil
    latestHold = nil
    let lost = holds.values
    holds = [:]
    unheld = []
    ready = []
    gatheredBytes = 0
    sweepTimer?.cancel()
    sweepTimer = nil
    for hold in lost {
      for queued in hold.queue { queued.finish(.unavailable) }
    }
    server?.commandConnectionChanged(error)
  }

  func linkFailed(_ error: BeanstalkError) { server?.connectFailed(error) }
}
