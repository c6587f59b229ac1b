import DequeModule
import MEDCore
import MEDLoop

/// The take connections of one server; whoever finds none free waits in line. Confined to its loop.
final class TakePool {
  private let endpoint: Endpoint
  private var connections: [TakeConnection] = []
  /// Each is given the place of a connection in `connections`, or nil if there is none to wait for.
  private var waiting: Deque<UnsafeContinuation<Int?, Never>> = []
  private var latestError = BeanstalkError(.unreachable, "not connected yet")
  private var idleTimer: LoopTimer?
  private var isClosed = false

  init(_ endpoint: Endpoint) {
    self.endpoint = endpoint
  }

  /// Begins to connect; harmless when that was done already.
  func start() {
    guard connections.isEmpty, !isClosed else { return }
    for _ in 0..<max(1, endpoint.configuration.takeConnections) {
      connections.append(TakeConnection(endpoint, pool: self))
    }
    for connection in connections { connection.link.start() }
  }

  func stop() {
    isClosed = true
    idleTimer?.cancel()
    latestError = BeanstalkError(.closed, "the session was closed")
    for connection in connections { connection.link.stop() }
    releaseAllWaiting()
  }

  func stopFromAnywhere() {
    for connection in connections { connection.link.stopFromAnywhere() }
  }

  var upCount: Int { connections.count(where: \.isUp) }
  var waitingCount: Int { waiting.count }
  var isFullyUp: Bool { connections.allSatisfy(\.isUp) }
  var isIdle: Bool { waiting.isEmpty && !connections.contains { $0.isTaken } }

  func take(_ count: Int, from tube: TubeName, _ custody: Custody) async -> ReserveExchange.Result {
    guard let place = await checkOut(for: tube) else { return ReserveExchange.Result(failure: latestError) }
    let connection = connections[place]
    let result = await connection.take(count, from: tube, custody)
    checkIn(connection)
    return result
  }

  private func checkOut(for tube: TubeName) async -> Int? {
    guard !isClosed, connections.contains(where: \.isUp) else { return nil }
    let free = connections.indices.filter { connections[$0].isUp && !connections[$0].isTaken }
    if waiting.isEmpty, let place = free.first(where: { connections[$0].watched == tube }) ?? free.first {
      connections[place].isTaken = true
      return place
    }
    return await withUnsafeContinuation { waiting.append($0) }
  }

  private func checkIn(_ connection: TakeConnection) {
    connection.isTaken = false
    handOver(connection)
    setIdleTimer()
  }

  private func handOver(_ connection: TakeConnection) {
    guard connection.isUp, !connection.isTaken, let place = connections.firstIndex(where: { $0 === connection }),
      let next = waiting.popFirst()
    else { return }
    connection.isTaken = true
    next.resume(returning: place)
  }

  func connectionIsUp(_ connection: TakeConnection) { handOver(connection) }

  func connectionIsDown(_ error: BeanstalkError) {
    latestError = error
    if !connections.contains(where: \.isUp) { releaseAllWaiting() }
  }

  private func releaseAllWaiting() {
    while let next = waiting.popFirst() { next.resume(returning: nil) }
  }

  // MARK: Idle connections

  private func setIdleTimer() {
    guard idleTimer == nil, !isClosed else { return }
    idleTimer = endpoint.actor.loop.schedule(after: endpoint.configuration.idleTakeTime / 3) { [weak self] in
      self?.idleTimer = nil
      self?.releaseIdle()
    }
  }

  private func releaseIdle() {
    let limit = endpoint.actor.loop.now - endpoint.configuration.idleTakeTime
    let watching = connections.filter { $0.isUp && $0.watched != .standard }
    for connection in watching where !connection.isTaken && connection.lastUse <= limit {
      connection.isTaken = true
      endpoint.actor.spawn {
        await connection.letGoOfTube()
        self.checkIn(connection)
      }
    }
    if watching.contains(where: { $0.isTaken || $0.lastUse > limit }) { setIdleTimer() }
  }
}
