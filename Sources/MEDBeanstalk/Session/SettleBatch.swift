import MEDCore

/// Deletes, kicks or releases of jobs by number, and what became of them.
final class SettleBatch: Exchange {
  enum Verb {
    case delete, kick, release

    /// - Parameter priority: of a release.
    func command(_ id: UInt64, priority: UInt32 = Put.priority) -> Command {
      switch self {
      case .delete: .delete(id)
      case .kick: .kickJob(id)
      case .release: .release(id, priority: priority, delay: 0)
      }
    }

    var success: Reply {
      switch self {
      case .delete: .deleted
      case .kick: .kicked
      case .release: .released
      }
    }
  }

  private let verb: Verb
  private let count: Int
  private var outcomes: [SettleOutcome] = []
  private var onEnd: (([SettleOutcome]) -> Void)?

  /// - Parameter count: at least 1.
  init(_ verb: Verb, count: Int, onEnd: @escaping ([SettleOutcome]) -> Void) {
    self.verb = verb
    self.count = count
    self.onEnd = onEnd
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
    end()
    return .complete
  }

  func abandon(_ error: BeanstalkError) {
    while outcomes.count < count { outcomes.append(.failed(error.message)) }
    end()
  }

  private func end() {
    onEnd?(outcomes)
    onEnd = nil
  }
}
