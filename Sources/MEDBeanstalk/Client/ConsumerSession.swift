import MEDCore
import MEDLoop

/// The connection of a consumer: what it watches, and what it holds reserved. Confined to its loop.
///
/// It never blocks in a reserve while it holds a job: a blocked reserve would hold up that job's delete and touches.
final class ConsumerSession: LinkOwner {
  /// A job that this connection has reserved.
  struct Held {
    /// For those that are touched.
    var timeToRun = Duration.zero
    var nextTouch: ContinuousClock.Instant?
  }

  let endpoint: Endpoint
  /// The client's own session, for what mustn't wait behind a reserve.
  private let server: BeanstalkServer
  let tubes: [TubeName]
  let options: BeanstalkConsumer.Options
  private(set) lazy var link = Link(endpoint, owner: self)
  /// Set while it is up and watches what it should.
  private(set) var connection: Connection?
  /// The run of the server, and a number for each connect.
  private(set) var instance: UInt32 = 0
  private(set) var generation: UInt64 = 0
  var held: [UInt64: Held] = [:]
  private(set) var latestError = BeanstalkError(.unreachable, "not connected yet")
  private(set) var isClosed = false
  /// Whether somebody has the turn to reserve; the others wait for ``turns``.
  var isReserving = false
  let turns: LoopCondition
  /// The connection came or went, or a job isn't held any more.
  let changes: LoopCondition
  var touchTimer: LoopTimer?

  init(_ server: BeanstalkServer, tubes: [TubeName], options: BeanstalkConsumer.Options) {
    self.server = server
    endpoint = server.endpoint
    self.tubes = tubes
    self.options = options
    turns = LoopCondition(endpoint.actor.loop)
    changes = LoopCondition(endpoint.actor.loop)
    link.start()
  }

  deinit { link.stopFromAnywhere() }

  var loop: EventLoop { endpoint.actor.loop }
  var isUp: Bool { connection != nil }

  /// Ends the connection; what it holds goes back to the server.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    latestError = BeanstalkError(.closed, "the consumer was closed")
    touchTimer?.cancel()
    touchTimer = nil
    // A connection that is being set up isn't the link's own yet.
    link.reset(latestError)
    link.stop()
    turns.signal()
    changes.signal()
  }

  // MARK: Settling

  /// What can be done with a job that is reserved.
  enum Verb {
    case delete
    case release(priority: UInt32?, delay: UInt32)
    case bury(priority: UInt32?)
    case touch
  }

  /// - Returns: false if the job isn't this connection's any more.
  func settle(_ verb: Verb, _ number: UInt64, instance: UInt32, generation: UInt64) async throws(BeanstalkError) -> Bool
  {
    guard let connection else {
      // The server has it again, so there is nothing to give back; a delete must be known to be done.
      if case .delete = verb { throw latestError }
      return false
    }
    if generation != self.generation {
      guard case .delete = verb else { return false }
      // Done by now: the job may go unless somebody else has it.
      return try await server.delete(number, ofRun: instance)
    }
    let command = try await command(for: verb, number, on: connection)
    guard let command else {
      letGo(number, generation)
      return false
    }
    let reply = try await ask(command, on: connection)
    switch reply {
    case .touched: return true
    case .deleted, .released, .buried:
      letGo(number, generation)
      return true
    case .notFound:
      letGo(number, generation)
      return false
    default: throw BeanstalkError.refusal("\(reply.word)", to: "job \(number)")
    }
  }

  private func command(
    for verb: Verb, _ number: UInt64, on connection: Connection
  ) async throws(BeanstalkError) -> Command? {
    switch verb {
    case .delete: return .delete(number)
    case .touch: return .touch(number)
    case .release(let priority, let delay):
      guard let priority = try await self.priority(priority, of: number, on: connection) else { return nil }
      return .release(number, priority: priority, delay: delay)
    case .bury(let priority):
      guard let priority = try await self.priority(priority, of: number, on: connection) else { return nil }
      return .bury(number, priority: priority)
    }
  }

  /// The one it has unless another is wanted; nil if the job is gone.
  private func priority(
    _ wanted: UInt32?, of number: UInt64, on connection: Connection
  ) async throws(BeanstalkError) -> UInt32? {
    if let wanted { return wanted }
    return try await StatisticsConnection.body(of: connection.ask(.statsJob(number)).first)
      .map { JobStatistics(yaml: $0).priority }
  }

  private func ask(_ command: Command, on connection: Connection) async throws(BeanstalkError) -> Reply {
    guard let answer = try await connection.ask(command).first else {
      throw BeanstalkError(.connectionLost, "no answer")
    }
    return answer.reply
  }

  private func letGo(_ number: UInt64, _ generation: UInt64) {
    guard generation == self.generation else { return }
    held[number] = nil
    changes.signal()
  }

  // MARK: LinkOwner

  func linkIsUp(_ connection: Connection, instance: UInt32) {
    self.instance = instance
    generation &+= 1
    if isClosed { return connection.close(latestError) }
    endpoint.actor.spawn { await self.setUp(connection) }
  }

  private func setUp(_ connection: Connection) async {
    var commands = tubes.map(Command.watch)
    if !tubes.contains(.standard) { commands.append(.ignore(.standard)) }
    do throws(BeanstalkError) {
      for answer in try await connection.ask(commands) {
        guard case .watching = answer.reply else { throw .refusal(answer.text, to: "watch") }
      }
    } catch {
      latestError = error
      return connection.close(error)
    }
    guard connection.isOpen, !isClosed else { return }
    self.connection = connection
    changes.signal()
  }

  func linkIsDown(_ error: BeanstalkError) {
    connection = nil
    held = [:]
    if !isClosed { latestError = error }
    changes.signal()
  }

  func linkFailed(_ error: BeanstalkError) {
    if !isClosed { latestError = error }
    changes.signal()
  }
}
