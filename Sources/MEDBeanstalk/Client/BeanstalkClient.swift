import MEDCore
import MEDLoop

/// A beanstalk client to be used from anywhere.
///
/// ```
/// let client = try await BeanstalkClient.connect(to: QueueServerAddress(host: "127.0.0.1"))
/// let id = try await client.put(body, into: tube)
/// await client.close()
/// ```
/// All its calls may be made concurrently: those that come together leave together. A job that ``take(_:from:)`` returns
/// is buried, so any connection may delete or kick it, and no clock ticks.
public final class BeanstalkClient: Sendable {
  public let address: QueueServerAddress
  private let actor: LoopActor
  private let ownsLoop: Bool
  private nonisolated(unsafe) let session: BeanstalkServer  // why: touched on the loop of `actor` alone

  private init(_ session: BeanstalkServer, address: QueueServerAddress, actor: isolated LoopActor, ownsLoop: Bool) {
    self.session = session
    self.address = address
    self.actor = actor
    self.ownsLoop = ownsLoop
  }

  deinit {
    if ownsLoop { actor.loop.stop() }
  }

  /// Connects, and waits until that is done.
  /// - Parameters:
  ///   - loop: where its sockets live; nil for one of its own.
  ///   - patience: how long to wait for the connection.
  /// - Throws: `.unreachable`, `.unresolved` …: what went wrong last when the patience ended.
  public static func connect(
    to address: QueueServerAddress, configuration: BeanstalkConfiguration = .init(), loop: EventLoop? = nil,
    patience: Duration = .seconds(5)
  ) async throws -> BeanstalkClient {
    let actor = LoopActor(loop: try loop ?? EventLoop.start(name: "beanstalk"))
    let client = await actor.run { actor in
      let session = BeanstalkQueue(servers: [address], configuration: configuration).connect(on: actor)[0]
      return BeanstalkClient(session, address: address, actor: actor, ownsLoop: loop == nil)
    }
    do {
      try await client.waitUntilConnected(within: patience)
    } catch {
      await client.close(within: .zero)
      throw error
    }
    return client
  }

  private func waitUntilConnected(within patience: Duration) async throws {
    try await actor.run { actor in
      let end = ContinuousClock.now + patience
      while !self.session.isFullyConnected {
        if ContinuousClock.now >= end {
          throw self.session.health.latestError ?? BeanstalkError(.timedOut, "not connected within \(patience)")
        }
        try await actor.loop.sleep(for: .milliseconds(2))
      }
    }
  }

  /// Whether commands can be sent, for how long that has been so, and what went wrong last.
  public var health: BeanstalkServer.Health {
    get async { await actor.run { _ in self.session.health } }
  }

  // MARK: Jobs

  /// Stores jobs; one outcome for each, in order.
  public func put(_ puts: [Put]) async -> [PutOutcome] {
    await actor.run { _ in await self.session.put(puts) }
  }

  /// Puts `body` into `tube`.
  ///
  /// Wire: `put <pri> <delay> <ttr> <bytes>` → `INSERTED <id>`.
  /// - Parameters:
  ///   - body: opaque bytes, at most the server's max-job-size (65,535 by default).
  ///   - delay: whole seconds, 0 ... 2³²−1.
  /// - Returns: the number that the server gave.
  /// - Throws: `.jobTooBig` (discard), `.refused` (another server, or later), `.connectionLost` (stored or not, nobody
  ///   knows), `.unreachable` (not stored).
  /// - Source: beanstalkd doc/protocol.txt, "put".
  public func put(
    _ body: [UInt8], into tube: TubeName, delay: UInt32 = 0, priority: UInt32 = Put.priority
  ) async throws(BeanstalkError) -> UInt64 {
    switch await put([Put(tube: tube, body: body, delay: delay, priority: priority)]).first {
    case .stored(let number): return number
    case .tooBig: throw BeanstalkError(.jobTooBig, "\(body.count) bytes are more than \(address) takes")
    case .refused(let answer): throw BeanstalkError(.refused, "\(address) answered \(answer)")
    case .unanswered: throw BeanstalkError(.connectionLost, "\(address) didn't answer the put")
    case .unavailable, nil: throw BeanstalkError(.unreachable, "\(address) can't be reached")
    }
  }

  /// Takes up to `count` ready jobs without waiting for more to come. Every job returned is buried.
  public func take(_ count: Int, from tube: TubeName) async -> TakeOutcome {
    await actor.run { _ in await self.session.take(count, from: tube) }
  }

  public func delete(_ jobs: [Job]) async -> [SettleOutcome] {
    await actor.run { _ in await self.session.delete(jobs) }
  }

  /// Kicks buried jobs back to ready.
  public func kick(_ jobs: [Job]) async -> [SettleOutcome] {
    await actor.run { _ in await self.session.kick(jobs) }
  }

  // MARK: Tubes

  public func statistics() async throws -> ServerStatistics {
    try await actor.run { _ in try await self.session.statistics() }
  }

  /// - Returns: nil if there is no such tube.
  public func statistics(of tube: TubeName) async throws -> TubeStatistics? {
    try await actor.run { _ in try await self.session.statistics(of: tube) }
  }

  /// - Returns: nil if there is no such job.
  public func statistics(ofJob number: UInt64) async throws -> JobStatistics? {
    try await actor.run { _ in try await self.session.statistics(ofJob: number) }
  }

  /// The names of all tubes.
  public func tubes() async throws -> [String] {
    try await actor.run { _ in try await self.session.tubes() }
  }

  /// Kicks the buried jobs that `tube` has now to ready, and never a delayed one. One round trip for each.
  /// - Parameter progress: called on the client's loop with the number kicked so far; false ends it.
  /// - Returns: how many were kicked.
  public func kickBuried(in tube: TubeName, progress: @Sendable (Int) -> Bool = { _ in true }) async throws -> Int {
    try await actor.run { _ in try await self.session.kickBuried(in: tube, progress: progress) }
  }

  /// Deletes the jobs that `tube` has now: ready, delayed and buried ones. One round trip for each.
  public func clean(_ tube: TubeName, progress: @Sendable (Int) -> Bool = { _ in true }) async throws -> Int {
    try await actor.run { _ in try await self.session.clean(tube, progress: progress) }
  }

  /// Ends the connections once what has been asked is answered, at the latest after `deadline`.
  public func close(within deadline: Duration = .seconds(5)) async {
    await actor.run { _ in await self.session.close(within: deadline) }
    if ownsLoop { actor.loop.stop() }
  }
}
