import MEDCore

/// Deletes or kicks of jobs by number, and what became of them.
final class SettleBatch: Exchange {
  enum Verb {
    case delete, kick

    func command(_ id: UInt64) -> Command {
      switch self {
      case .delete: .delete(id)
      case .kick: .kickJob(id)
      }
    }

    var success: Reply {
      switch self {
      case .delete: .deleted
      case .kick: .kicked
      }
    }
  }

  private let verb: Verb
  private let count: Int
  private var outcomes: [SettleOutcome] = []
  private var continuation: UnsafeContinuation<[SettleOutcome], Never>?

  /// - Parameter count: at least 1.
  init(_ verb: Verb, count: Int, _ continuation: UnsafeContinuation<[SettleOutcome], Never>) {
    self.verb = verb
    self.count = count
    self.continuation = continuation
    outcomes.reserveCapacity(count)
  }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    if reply == verb.success {
      outcomes.append(.done)
    } else if reply == .notFound {
      outcomes.append(.notFound)
    } else if reply.isRefusal {
      outcomes.append(.failed("\(reply.word)"))
    } else {
      return .violation
    }
    guard outcomes.count == count else { return .more }
    resume()
    return .complete
  }

  func abandon(_ error: BeanstalkError) {
    while outcomes.count < count { outcomes.append(.failed(error.message)) }
    resume()
  }

  private func resume() {
    continuation?.resume(returning: outcomes)
    continuation = nil
  }
}
