import MEDLoop

/// A fixed number of commands, and how long the server took for the second one: a batch of work behind a `use`.
///
/// The server answers the first one before it begins with the second, so what else it had to do before doesn't count.
final class TimedExchange: Exchange {
  typealias Result = Swift.Result<(answers: [Answer], time: Duration), BeanstalkError>

  private let count: Int
  private var answers: [Answer] = []
  private var begun: ContinuousClock.Instant?
  private var time = Duration.zero
  private var continuation: UnsafeContinuation<Result, Never>?

  init(_ count: Int, _ continuation: UnsafeContinuation<Result, Never>) {
    self.count = count
    self.continuation = continuation
  }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    answers.append(Answer(reply, bytes))
    switch answers.count {
    case 1: begun = connection.loop.now
    case 2: time = begun.map { connection.loop.now - $0 } ?? .zero
    default: break
    }
    if answers.count < count { return .more }
    continuation?.resume(returning: .success((answers, time)))
    continuation = nil
    return .complete
  }

  func abandon(_ error: BeanstalkError) {
    continuation?.resume(returning: .failure(error))
    continuation = nil
  }
}

extension Connection {
  /// Asks in one write, and waits for one answer to each command.
  /// - Returns: also how long the server took from the first answer to the second.
  func time(_ commands: [Command]) async throws(BeanstalkError) -> (answers: [Answer], time: Duration) {
    let result = await withUnsafeContinuation { continuation in
      let exchange = TimedExchange(commands.count, continuation)
      guard state == .open else { return exchange.abandon(BeanstalkError(.unreachable, "not connected")) }
      for command in commands { output.append(command) }
      expect(exchange)
      flush()
    }
    return try result.get()
  }
}
