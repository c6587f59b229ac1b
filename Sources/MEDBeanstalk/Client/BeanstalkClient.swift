import MEDCore
import MEDLoop

/// A beanstalkd client to be used from anywhere.
///
/// ```
/// let client = try await BeanstalkClient.connect(to: QueueServerAddress(host: "127.0.0.1"))
/// let number = try await client.put(body, into: tube)
/// try await client.consume([tube]) { job in try await work(job.body) }
/// await client.close()
/// ```
/// Calls may be made concurrently: those that come together leave together, over one connection for puts, deletes and
/// kicks, and one for all that is looked at. What blocks, or belongs to one connection, has a connection of its own:
/// ``consumer(of:options:)`` reserves jobs, ``openConnection()`` speaks the protocol word for word.
///
/// Connections come back by themselves, with jittered pauses; a call made meanwhile fails at once with `.unreachable`. A
/// server that doesn't answer costs ``BeanstalkConfiguration/replyTimeout``.
public final class BeanstalkClient: Sendable {
  /// The server.
  public let address: QueueServerAddress
  let configuration: BeanstalkConfiguration
  let actor: LoopActor
  private let ownsLoop: Bool
  nonisolated(unsafe) let session: BeanstalkServer  // why: touched on the loop of `actor` alone
  private let dependents = Locked<[Dependent]>([])

  private init(_ session: BeanstalkServer, actor: isolated LoopActor, ownsLoop: Bool) {
    self.session = session
    address = session.address
    configuration = session.endpoint.configuration
    self.actor = actor
    self.ownsLoop = ownsLoop
  }

  deinit {
    if ownsLoop { actor.loop.stop() }
  }

  /// Connects, and waits until that is done.
  /// - Parameters:
  ///   - address: of one server; for several, make a client for each.
  ///   - configuration: time-outs and bounds.
  ///   - loop: where its sockets live, which must outlive it; nil for one of its own.
  ///   - patience: how long to wait for the connection.
  /// - Throws: ``BeanstalkError``: what went wrong last when the patience ended (`.unreachable`, `.unresolved` …);
  ///   `CancellationError`; `LoopError` if the system has no thread left.
  public static func connect(
    to address: QueueServerAddress, configuration: BeanstalkConfiguration = .init(), loop: EventLoop? = nil,
    patience: Duration = .seconds(5)
  ) async throws -> BeanstalkClient {
    let actor = LoopActor(loop: try loop ?? EventLoop.start(name: "beanstalk"))
    let client = await actor.run { actor in
      let endpoint = Endpoint(
        actor: actor, address: address, configuration: configuration, readBuffer: ReadBuffer())
      return BeanstalkClient(BeanstalkServer(endpoint, takes: false), actor: actor, ownsLoop: loop == nil)
    }
    do {
      try await client.waitUntilConnected(within: patience)
    } catch {
      await client.close(within: .zero)
      throw error
    }
    return client
  }

  func waitUntilConnected(within patience: Duration) async throws {
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

  // MARK: Connections of their own

  /// A connection that reserves jobs of `tubes`. Returns at once; connecting goes on behind.
  /// - Parameters:
  ///   - tubes: at least one; `default` is watched only if it is among them.
  ///   - options: whether jobs are touched, and how many may be held.
  /// - Throws: `.closed` after ``close(within:)``; `.badFormat` if `tubes` is empty.
  public func consumer(
    of tubes: [TubeName], options: BeanstalkConsumer.Options = .init()
  ) async throws(BeanstalkError) -> BeanstalkConsumer {
    guard !tubes.isEmpty else { throw BeanstalkError(.badFormat, "a consumer needs a tube to watch") }
    let consumer = await actor.run { actor -> BeanstalkConsumer? in
      if self.session.isClosed { return nil }
      let session = ConsumerSession(self.session, tubes: tubes, options: options)
      let consumer = BeanstalkConsumer(session, client: self, actor: actor)
      self.keep(Dependent(consumer: consumer))
      return consumer
    }
    guard let consumer else { throw BeanstalkError(.closed, "the client was closed") }
    return consumer
  }

  /// Opens a connection whose verbs are those of the protocol, one to one.
  /// - Throws: `.unreachable`, `.unresolved`, `.closed`.
  public func openConnection() async throws(BeanstalkError) -> BeanstalkConnection {
    let opened: Result<BeanstalkConnection, BeanstalkError> = await actor.run { actor in
      do throws(BeanstalkError) {
        let single = try await SingleConnection.open(self.session.endpoint)
        guard !self.session.isClosed else { throw BeanstalkError(.closed, "the client was closed") }
        let connection = BeanstalkConnection(single, client: self, actor: actor)
        self.keep(Dependent(connection: connection))
        return .success(connection)
      } catch {
        return .failure(error)
      }
    }
    return try opened.get()
  }

  /// What must be closed before the loop ends. Held weakly: whoever uses them keeps them.
  private struct Dependent: Sendable {
    weak let consumer: BeanstalkConsumer?
    weak let connection: BeanstalkConnection?

    init(consumer: BeanstalkConsumer? = nil, connection: BeanstalkConnection? = nil) {
      self.consumer = consumer
      self.connection = connection
    }

    func close() async {
      await consumer?.close()
      await connection?.close()
    }

    var isGone: Bool { consumer == nil && connection == nil }
  }

  private func keep(_ dependent: Dependent) {
    dependents.withLock { dependents in
      dependents.removeAll(where: \.isGone)
      dependents.append(dependent)
    }
  }

  /// Ends the connections once what has been asked is answered, at the latest after `deadline`.
  ///
  /// Consumers are closed first: what they hold becomes ready again. Calls made later fail.
  public func close(within deadline: Duration = .seconds(5)) async {
    await closeDependents()
    await actor.run { _ in await self.session.close(within: deadline) }
    await closeDependents()  // those that were made meanwhile
    if ownsLoop { actor.loop.stop() }
  }

  private func closeDependents() async {
    let all = dependents.withLock { dependents in
      defer { dependents = [] }
      return dependents
    }
    for dependent in all { await dependent.close() }
  }
}
