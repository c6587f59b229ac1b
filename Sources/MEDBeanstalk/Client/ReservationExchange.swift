import MEDLoop

/// One or more `reserve`s in one write, whose jobs stay reserved.
final class ReservationExchange: Exchange {
  /// What one answer to a reserve said.
  struct Result {
    var jobs: [(number: UInt64, body: [UInt8])] = []
    /// A reserve was answered TIMED_OUT, or NOT_FOUND for `reserve-job`.
    var ranDry = false
    /// A reserve was answered DEADLINE_SOON.
    var deadlineSoon = false
    /// A reserve was refused, or the connection ended: then its jobs are the server's again.
    var failure: BeanstalkError?
  }

  private let mayBlockFirst: Bool
  private var left: Int
  private var result = Result()
  private var continuation: UnsafeContinuation<Result, Never>?
  private(set) var hasBegun = false
  private var timer: LoopTimer?

  init(count: Int, mayBlock: Bool) {
    left = count
    mayBlockFirst = mayBlock
  }

  /// The server may take its time, so nothing of ours is there yet.
  var mayBlock: Bool { mayBlockFirst && !hasBegun }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    hasBegun = true
    switch reply {
    case .reserved(let number, let body): result.jobs.append((number, bytes.copy(body)))
    case .timedOut, .notFound: result.ranDry = true
    case .deadlineSoon: result.deadlineSoon = true
    default:
      guard reply.isRefusal else { return .violation }
      result.failure = .refusal("\(reply.word)", to: "reserve")
    }
    left -= 1
    if left > 0 { return .more }
    resume()
    return .complete
  }

  func abandon(_ error: BeanstalkError) {
    result.jobs = []
    result.failure = error
    resume()
  }

  private func resume() {
    timer?.cancel()
    timer = nil
    continuation?.resume(returning: result)
    continuation = nil
  }

  /// Sends `commands`, one for each answer that is expected, and waits for all.
  ///
  /// A cancellation while the server holds the first one closes the connection: there is no other way to take a reserve
  /// back, and the server gives to others what it might just have reserved. Later it changes nothing.
  /// - Parameter limit: how long the first answer may take; nil: for ever.
  func run(
    _ commands: [Command], on connection: Connection, within limit: Duration?,
    isolation: isolated (any Actor)? = #isolation
  ) async -> Result {
    nonisolated(unsafe) let exchange = self  // why: only carried to its loop
    nonisolated(unsafe) let carried = connection  // why: only carried to its loop
    let loop = connection.loop
    return await withTaskCancellationHandler {
      _ = isolation  // without the capture the closure runs on the global executor
      return await withUnsafeContinuation { self.start(commands, on: connection, within: limit, $0) }
    } onCancel: {
      loop.submit {
        guard exchange.mayBlock, exchange.continuation != nil else { return }
        carried.close(BeanstalkError(.closed, "the reserve was cancelled"))
      }
    }
  }

  private func start(
    _ commands: [Command], on connection: Connection, within limit: Duration?,
    _ continuation: UnsafeContinuation<Result, Never>
  ) {
    self.continuation = continuation
    guard connection.isOpen else { return abandon(BeanstalkError(.connectionLost, "not connected any more")) }
    for command in commands { connection.output.append(command) }
    connection.expect(self)
    connection.flush()
    guard mayBlockFirst, let limit, self.continuation != nil else { return }
    timer = connection.loop.schedule(after: limit) { [weak self, weak connection] in
      guard self?.hasBegun == false else { return }
      connection?.close(BeanstalkError(.timedOut, "no answer to reserve within \(limit)"))
    }
  }
}
