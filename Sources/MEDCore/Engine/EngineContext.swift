import Logging
import MEDLoop

/// What the stages of one engine share. Confined to its loop.
final class EngineContext {
  let configuration: DispatcherConfiguration
  let actor: LoopActor
  let dataLog: any DataLog
  let directory: SubscriptionDirectory
  let logger: Logger
  let work: WorkCount
  var counters = DispatcherCounters()
  /// Nothing new is begun any more.
  var isStopping = false

  /// nil while nothing is pushed here.
  var pushSession: (any PushSession)?

  private(set) var desks: [ServerDesk] = []
  private var nextDesk = 0

  init(
    configuration: DispatcherConfiguration, actor: LoopActor, dataLog: any DataLog, directory: SubscriptionDirectory,
    logger: Logger
  ) {
    self.configuration = configuration
    self.actor = actor
    self.dataLog = dataLog
    self.directory = directory
    self.logger = logger
    work = WorkCount(loop: actor.loop)
  }

  func open(_ queue: any MessageQueue) {
    desks = actor.assumeIsolatedOpen(queue).enumerated().map { index, server in
      ServerDesk(
        index: index, queue: server,
        settler: Settler(server: server, dataLog: dataLog, actor: actor, logger: logger),
        turns: TakeTurns(capacity: configuration.takesPerServer, server: server, actor: actor))
    }
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

  /// The servers in the order in which one should be tried: reachable ones in turn first, so that load spreads evenly.
  func desksToTry(first preferred: ServerDesk? = nil) -> [ServerDesk] {
    guard desks.count > 1 else { return desks }
    nextDesk = (nextDesk + 1) % desks.count
    var order = Array(desks[nextDesk...] + desks[..<nextDesk])
    if let preferred { order = [preferred] + order.filter { $0 !== preferred } }
    return order.filter(\.queue.isReachable) + order.filter { !$0.queue.isReachable }
  }

  /// The server that the next batch of copies goes to.
  func nextReachableDesk() -> ServerDesk {
    guard desks.count > 1 else { return desks[0] }
    for _ in desks.indices {
      nextDesk = (nextDesk + 1) % desks.count
      if desks[nextDesk].queue.isReachable { break }
    }
    return desks[nextDesk]
  }
}

/// What the engine keeps for one queue server.
final class ServerDesk {
  let index: Int
  let queue: any QueueServer
  let settler: Settler
  let turns: TakeTurns

  init(index: Int, queue: any QueueServer, settler: Settler, turns: TakeTurns) {
    self.index = index
    self.queue = queue
    self.settler = settler
    self.turns = turns
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
