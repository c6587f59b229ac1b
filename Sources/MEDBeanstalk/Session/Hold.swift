import MEDCore

/// One tube that a command connection watches, so that it exists for as long as puts to it are under way.
final class Hold {
  enum State {
    /// `watch` is to be sent.
    case wanted
    /// Sent, not answered.
    case asked
    /// WATCHING was read: the tube exists, `use` can't be refused.
    case held
  }

  let tube: TubeName
  var state = State.wanted
  /// Puts that haven't been sent yet, in order.
  var queue: [QueuedPut] = []
  var lastUse: ContinuousClock.Instant

  init(_ tube: TubeName, now: ContinuousClock.Instant) {
    self.tube = tube
    lastUse = now
  }
}

/// The answers to the `watch`es of one write.
final class HoldExchange: Exchange {
  private let holds: [Hold]
  private var next = 0
  private let answered: (Hold, _ refusal: String?) -> Void

  init(_ holds: [Hold], answered: @escaping (Hold, _ refusal: String?) -> Void) {
    self.holds = holds
    self.answered = answered
  }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    let hold = holds[next]
    next += 1
    if case .watching = reply {
      answered(hold, nil)
    } else if reply.isRefusal {
      answered(hold, "\(reply.word)")
    } else {
      return .violation
    }
    return next == holds.count ? .complete : .more
  }

  /// The connection's owner forgets all its holds itself.
  func abandon(_ error: BeanstalkError) {}
}

/// Commands whose answers matter only in that they come: `ignore` of a tube that isn't needed any more.
final class HousekeepingExchange: Exchange {
  private var remaining: Int

  init(_ count: Int) { remaining = count }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    remaining -= 1
    return remaining == 0 ? .complete : .more
  }

  func abandon(_ error: BeanstalkError) {}
}
