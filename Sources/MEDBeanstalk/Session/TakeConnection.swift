import MEDCore
import MEDLoop

/// A connection that takes channel jobs: it watches one tube at a time and never blocks. Confined to its loop.
final class TakeConnection: LinkOwner {
  let endpoint: Endpoint
  private weak var pool: TakePool?
  private(set) lazy var link = Link(endpoint, owner: self)
  private var connection: Connection?
  private var instance: UInt32 = 0

  /// The only tube watched since this connect.
  private(set) var watched = TubeName.standard
  private(set) var lastUse = ContinuousClock.now
  /// In use by one caller; set by the pool.
  var isTaken = false

  init(_ endpoint: Endpoint, pool: TakePool) {
    self.endpoint = endpoint
    self.pool = pool
  }

  var isUp: Bool { connection != nil }

  func take(_ count: Int, from tube: TubeName, _ custody: Custody) async -> ReserveExchange.Result {
    defer { lastUse = endpoint.actor.loop.now }
    do throws(BeanstalkError) {
      if tube != watched { try await watchOnly(tube) }
    } catch {
      return ReserveExchange.Result(failure: error)
    }
    return await withUnsafeContinuation { continuation in
      guard let connection else {
        let error = BeanstalkError(.unreachable, "not connected")
        return continuation.resume(returning: ReserveExchange.Result(failure: error))
      }
      let exchange = ReserveExchange(
        count, from: tube, instance: instance, priority: endpoint.configuration.buryPriority, isBlocking: false,
        custody: custody
      ) { continuation.resume(returning: $0) }
      exchange.begin(on: connection)
    }
  }

  /// Both answers are read before anything is reserved. When they aren't those hoped for, nobody knows what is watched:
  /// the connection begins anew.
  private func watchOnly(_ tube: TubeName) async throws(BeanstalkError) {
    guard let connection else { throw BeanstalkError(.unreachable, "not connected") }
    let answers = try await connection.ask(.watch(tube), .ignore(watched))
    guard answers.count == 2, case .watching = answers[0].reply, answers[1].reply == .watching(1) else {
      let error = BeanstalkError(
        .refused, "watch and ignore were answered with \(answers.map(\.text).joined(separator: ", "))")
      link.reset(error)
      throw error
    }
    guard connection === self.connection else { throw BeanstalkError(.connectionLost, "connected anew meanwhile") }
    watched = tube
  }

  /// An empty tube goes once nobody watches it.
  func letGoOfTube() async {
    try? await watchOnly(.standard)
  }

  // MARK: LinkOwner

  func linkIsUp(_ connection: Connection, instance: UInt32) {
    self.connection = connection
    self.instance = instance
    watched = .standard
    pool?.connectionIsUp(self)
  }

  func linkIsDown(_ error: BeanstalkError) {
    connection = nil
    pool?.connectionIsDown(error)
  }

  func linkFailed(_ error: BeanstalkError) { pool?.connectionIsDown(error) }
}
