import MEDCore
import MEDLoop

/// A connection that isn't made anew when it breaks. Confined to its loop.
final class SingleConnection: ConnectionDelegate {
  private(set) var connection: Connection?
  private(set) var latestError = BeanstalkError(.unreachable, "not connected yet")
  private var opening: UnsafeContinuation<Void, Never>?
  private let closings: LoopCondition

  private init(_ loop: EventLoop) { closings = LoopCondition(loop) }

  deinit { connection?.closeFromAnywhere() }

  /// Tries the addresses of the server one after another.
  static func open(_ endpoint: Endpoint) async throws(BeanstalkError) -> SingleConnection {
    let single = SingleConnection(endpoint.actor.loop)
    for address in try await endpoint.resolver.addresses() {
      do {
        single.connection = try Connection(
          to: address, loop: endpoint.actor.loop, shared: endpoint.readBuffer, configuration: endpoint.configuration,
          delegate: single)
      } catch {
        single.latestError = BeanstalkError(.unreachable, "\(error)", cause: error)
        continue
      }
      await withUnsafeContinuation { single.opening = $0 }
      if single.connection != nil { return single }
    }
    throw single.latestError
  }

  func ask(_ command: Command) async throws(BeanstalkError) -> Answer {
    guard let answer = try await usable().ask(command).first else {
      throw BeanstalkError(.connectionLost, "no answer")
    }
    return answer
  }

  func reserve(
    _ command: Command, mayBlock: Bool, within limit: Duration?, isolation: isolated (any Actor)? = #isolation
  ) async throws -> ReservationExchange.Result {
    try Task.checkCancellation()
    let exchange = ReservationExchange(count: 1, mayBlock: mayBlock)
    let result = await exchange.run([command], on: try usable(), within: limit)
    guard let failure = result.failure else { return result }
    try Task.checkCancellation()
    throw failure
  }

  private func usable() throws(BeanstalkError) -> Connection {
    guard let connection else { throw latestError }
    guard connection.unsentBytes <= connection.outputLimit else {
      throw BeanstalkError(.unreachable, "too much waits to be sent")
    }
    return connection
  }

  /// Says `quit`, which the server answers by closing.
  func quit(within limit: Duration, isolation: isolated (any Actor)? = #isolation) async {
    guard let connection else { return }
    connection.output.append(.quit)
    connection.flush()
    let end = ContinuousClock.now + limit
    while self.connection != nil, ContinuousClock.now < end, !Task.isCancelled { await closings.wait(until: end) }
    close()
  }

  func close() {
    connection?.close(BeanstalkError(.closed, "the connection was closed"))
  }

  // MARK: ConnectionDelegate

  func connectionOpened(_ connection: Connection) {
    opening?.resume()
    opening = nil
  }

  func connectionDrained(_ connection: Connection) {}

  func connectionClosed(_ connection: Connection, _ error: BeanstalkError) {
    self.connection = nil
    latestError = error
    opening?.resume()
    opening = nil
    closings.signal()
  }
}
