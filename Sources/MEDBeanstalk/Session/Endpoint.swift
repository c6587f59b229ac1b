import Logging
import MEDCore
import MEDLoop

/// What all connections of one server share. Confined to its loop.
final class Endpoint {
  let actor: LoopActor
  let address: QueueServerAddress
  let configuration: BeanstalkConfiguration
  let readBuffer: ReadBuffer
  let resolver: Resolver

  /// What `stats` said at the latest connect.
  private(set) var statistics = ServerStatistics()
  private var ordinals: [String: UInt32] = [:]
  private let reached: LoopCondition

  init(
    actor: LoopActor, address: QueueServerAddress, configuration: BeanstalkConfiguration, readBuffer: ReadBuffer
  ) {
    self.actor = actor
    self.address = address
    self.configuration = configuration
    self.readBuffer = readBuffer
    reached = LoopCondition(actor.loop)
    resolver = Resolver(actor: actor, host: address.host, port: address.port)
  }

  /// One of the connections has reached the server: those that pause before their next attempt needn't any longer.
  /// - Returns: the ordinal of the server's run: the same for the same instance `id`.
  func learn(_ statistics: ServerStatistics) -> UInt32 {
    self.statistics = statistics
    reached.signal()
    if let known = ordinals[statistics.instance] { return known }
    let ordinal = UInt32(truncatingIfNeeded: ordinals.count + 1)
    ordinals[statistics.instance] = ordinal
    if ordinal > 1 {
      configuration.logger.info(
        "the queue server is another instance now", metadata: [LogKey.queueServer: "\(address)"])
    }
    return ordinal
  }

  /// Returns when a connection reaches the server, after `limit`, or when the task is cancelled.
  /// - Returns: whether that was before `limit`.
  func waitUntilReached(atMost limit: Duration) async -> Bool {
    let end = ContinuousClock.now + limit
    await reached.wait(until: end)
    return ContinuousClock.now < end
  }
}
