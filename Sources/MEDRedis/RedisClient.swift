import MEDLoop

/// Sends commands to a Redis server, in pipelines.
///
/// One connection, blocking, on a thread of its own; made by the first command, not before, and anew when it is lost. Of
/// several addresses the one is used that is a primary and answers; when it says that it is none any more (READONLY,
/// LOADING, MASTERDOWN, MOVED …) the next command goes to the next. No command is ever sent twice: what wasn't answered
/// may have been done, and only the caller knows what that means.
///
/// Calls wait for each other, in their order. Each ends within the time-outs of its configuration, and that of the
/// system's resolver. While no server can be used, calls fail at once for up to a second, then connecting is tried again.
public actor RedisClient {
  /// What it connects to. The password is in no description of it.
  public nonisolated let configuration: RedisConfiguration

  /// Used as a thread alone: nothing else runs on it that blocking would hold up.
  private nonisolated let thread: EventLoop
  private nonisolated let breaker = ConnectionBreaker()
  /// The thread of the connection.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// How many connections were made so far: what was learned of a server holds for one.
  public private(set) var connections = 0
  private var connector: RedisConnector
  private var handle: RedisHandle? {
    didSet {
      let address = handle?.address
      connected.withLock { $0 = address }
    }
  }
  /// Asked for from other threads, also while this one waits.
  private nonisolated let connected = Locked<RedisAddress?>(nil)

  /// Connects to nothing yet.
  /// - Parameters:
  ///   - configuration: which servers.
  ///   - name: of the thread.
  /// - Throws: `.unavailable` if the system has no threads or descriptors left.
  public init(_ configuration: RedisConfiguration, name: String = "redis") throws(RedisError) {
    self.configuration = configuration
    connector = RedisConnector(configuration)
    do throws(LoopError) {
      thread = try EventLoop.start(name: name)
    } catch {
      throw RedisError(.unavailable, "no thread for a connection: \(error)")
    }
  }

  deinit { thread.stop() }

  /// The server that is connected to; nil if none is.
  public nonisolated var connectedAddress: RedisAddress? { connected.withLock { $0 } }

  /// Sends one command.
  /// - Returns: its reply, which is no error.
  /// - Throws: `.refused` with what the server said; else as ``pipeline(_:)``.
  public func send(_ command: RedisCommand) throws(RedisError) -> RedisValue {
    guard let answer = try pipeline([command]).first else { throw RedisError(.malformed, "no answer") }
    if case .error(let error) = answer {
      throw RedisError(.refused, error.message, server: error)
    }
    return answer
  }

  /// Sends commands together and reads their replies together.
  ///
  /// They are done in order, and others' commands may come between them.
  /// - Returns: one reply for each, errors among them.
  /// - Throws: `.unavailable`, `.closed`: none was sent. `.unanswered`, `.malformed`, `.tooLarge`: the error has the first replies;
  ///   whether the rest was done isn't known.
  public func pipeline(_ commands: [RedisCommand]) throws(RedisError) -> [RedisValue] {
    guard !commands.isEmpty else { return [] }
    let handle = try opened()
    var output: [UInt8] = []
    output.reserveCapacity(commands.reduce(0) { $0 + $1.words.reduce(16) { $0 + $1.count + 16 } })
    for command in commands { command.write(to: &output) }
    do throws(RedisError) {
      let answers = try handle.exchange(output, replies: commands.count)
      if answers.contains(where: { $0.error?.isAboutServer == true }) { leave() }
      return answers
    } catch {
      // Nothing is known of the connection's state any more.
      self.handle = nil
      guard !breaker.isBroken else {
        throw RedisError(error.code, "the client was closed: \(error.message)", answers: error.answers)
      }
      throw error
    }
  }

  /// Ends the connection; the next command makes a new one.
  public func disconnect() { handle = nil }

  /// For good, from any thread: what waits for an answer is broken off, and no command is sent any more.
  public nonisolated func close() {
    breaker.breakOff()
    Task { await disconnect() }
  }

  private func leave() {
    handle = nil
    connector.moveOn()
  }

  private func opened() throws(RedisError) -> RedisHandle {
    guard !breaker.isBroken else { throw RedisError(.closed, "the client is closed") }
    if let handle {
      // A server closes connections that are idle: noticed before anything is sent, it costs nothing.
      if handle.isUsable { return handle }
      self.handle = nil
    }
    let new = try connector.connect(breaker)
    handle = new
    connections += 1
    return new
  }
}
