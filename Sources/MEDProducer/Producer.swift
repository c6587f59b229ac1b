import MEDBeanstalk
import MEDCore
import MEDLoop

/// Hands messages over to dispatchers: into the main queue of one of several queue servers, or else on a recover list.
///
/// ```
/// let producer = try await Producer.start(
///   ProducerConfiguration(servers: "10.0.0.1,10.0.0.2", recoverList: .init(server: "10.0.0.3")))
/// let publication = try await producer.publish(Message(topic: "order_paid", body: ["order": 4711]))
/// ```
/// A message counts as handed over when a server has confirmed it. What isn't confirmed is tried elsewhere: so a message
/// may come twice (``Publication/inDoubt`` says so), and none is lost without an error.
///
/// May be used from anywhere, by many at once. Its connections come back by themselves; a server that hangs or refuses is
/// left alone for ``ProducerConfiguration/downTime``. A publish takes a bounded time, and a cancellation doesn't end it
/// before.
public final class Producer: Sendable {
  /// What it was started with.
  public let configuration: ProducerConfiguration
  let tube: TubeName
  let putters: [TubePutter]
  let lists: [any RecoverList]
  let state: Locked<State>
  private let actor: LoopActor

  struct State: Sendable {
    var servers: ServerChoice
    var lists: ServerChoice
    var underWay = 0
    var isClosed = false
  }

  init(
    _ configuration: ProducerConfiguration, tube: TubeName, putters: [TubePutter], lists: [any RecoverList],
    actor: LoopActor
  ) {
    self.configuration = configuration
    self.tube = tube
    self.putters = putters
    self.lists = lists
    self.actor = actor
    func choice(_ count: Int) -> ServerChoice {
      ServerChoice(count: count, suspicionTime: configuration.suspicionTime, downTime: configuration.downTime)
    }
    state = Locked(State(servers: choice(putters.count), lists: choice(lists.count)))
  }

  deinit { actor.loop.stop() }

  /// Begins to connect, and returns at once: servers that are away are no reason not to start.
  /// - Throws: `.badConfiguration`.
  public static func start(_ configuration: ProducerConfiguration) async throws(ProducerError) -> Producer {
    _ = try configuration.checked()
    return try await start(configuration, lists: configuration.recoverList.map(RedisList.all) ?? [])
  }

  static func start(
    _ configuration: ProducerConfiguration, lists: [any RecoverList]
  ) async throws(ProducerError) -> Producer {
    let tube = try configuration.checked()
    let loop: EventLoop
    do throws(LoopError) {
      loop = try EventLoop.start(name: "producer")
    } catch {
      throw ProducerError(.badConfiguration, "\(error)", cause: error)
    }
    let actor = LoopActor(loop: loop)
    var putters: [TubePutter] = []
    for server in configuration.servers {
      putters.append(await TubePutter.start(server, tube: tube, configuration: configuration.beanstalk, on: actor))
    }
    return Producer(configuration, tube: tube, putters: putters, lists: lists, actor: actor)
  }

  /// Hands one message over.
  /// - Returns: who has confirmed to have it.
  /// - Throws: ``ProducerError``: `.invalidMessage` and `.tooBig`, which no repetition helps; `.nowhere` and
  ///   `.unconfirmed`, after which the message is the caller's to keep and to publish again; `.closed`.
  @discardableResult
  public func publish(_ message: Message) async throws(ProducerError) -> Publication {
    guard let result = await publish([message]).first else { throw ProducerError.unplaced([]) }
    return try result.get()
  }

  /// Hands many messages over: those of a batch share writes, and batches are spread over the queue servers.
  ///
  /// Each message has its own end; one that fails holds back no other. They may arrive in another order.
  /// - Returns: one result for each, in order; failures are those of ``publish(_:)-(Message)``.
  public func publish(_ messages: [Message]) async -> [Result<Publication, ProducerError>] {
    guard begin() else {
      return messages.map { _ in .failure(ProducerError(.closed, "the producer was closed")) }
    }
    defer { state.withLock { $0.underWay -= 1 } }
    var batches: [Batch] = []
    var results: [Result<Publication, ProducerError>?] = Array(repeating: nil, count: messages.count)
    for (index, message) in messages.enumerated() {
      do throws(ProducerError) {
        Batch.add(
          Entry(index: index, bytes: try message.encoded(), priority: message.priority, delay: message.delay),
          to: &batches)
      } catch {
        results[index] = .failure(error)
      }
    }
    for ended in await deliver(batches) {
      for (index, result) in ended { results[index] = result }
    }
    return results.map { $0 ?? .failure(.unplaced([])) }
  }

  /// Several batches at a time, so that no server waits for the others.
  private func deliver(_ batches: [Batch]) async -> [Batch.Results] {
    if batches.count <= 1 {
      guard let only = batches.first else { return [] }
      return [await deliver(only)]
    }
    return await withTaskGroup(of: Batch.Results.self) { group in
      var ended: [Batch.Results] = []
      for (number, batch) in batches.enumerated() {
        if number >= 2 * self.putters.count, let one = await group.next() { ended.append(one) }
        group.addTask { await self.deliver(batch) }
      }
      for await one in group { ended.append(one) }
      return ended
    }
  }

  private func begin() -> Bool {
    state.withLock { state in
      if state.isClosed { return false }
      state.underWay += 1
      return true
    }
  }

  /// Ends the connections once what is under way has its answers, at the latest after `limit`. Calls made later fail.
  public func close(within limit: Duration = .seconds(10)) async {
    let end = ContinuousClock.now + limit
    state.withLock { $0.isClosed = true }
    while state.withLock({ $0.underWay }) > 0, ContinuousClock.now < end {
      let loop = actor.loop
      let pause = await actor.run { actor in actor.spawn { try? await loop.sleep(for: .milliseconds(2)) } }
      await pause.value
    }
    for putter in putters { await putter.close(within: max(.zero, end - .now)) }
    for list in lists { await list.close() }
    actor.loop.stop()
  }
}
