import MEDCore

/// The puts of one call and what became of them. One continuation for all.
final class PutBatch {
  let puts: [Put]
  private var outcomes: [PutOutcome]
  private var remaining: Int
  private var continuation: UnsafeContinuation<[PutOutcome], Never>?

  /// - Parameter puts: at least one.
  init(_ puts: [Put], _ continuation: UnsafeContinuation<[PutOutcome], Never>) {
    self.puts = puts
    self.continuation = continuation
    outcomes = Array(repeating: .unavailable, count: puts.count)
    remaining = puts.count
  }

  func finish(_ index: Int, _ outcome: PutOutcome) {
    outcomes[index] = outcome
    remaining -= 1
    if remaining == 0 {
      continuation?.resume(returning: outcomes)
      continuation = nil
    }
  }
}

/// One put of a batch.
struct QueuedPut {
  let batch: PutBatch
  let index: Int

  var put: Put { batch.puts[index] }

  func finish(_ outcome: PutOutcome) { batch.finish(index, outcome) }
}

/// The puts of one write, grouped by tube, each group behind a `use` where the tube changes.
final class PutExchange: Exchange {
  enum Step {
    case use(TubeName)
    case put(QueuedPut)
  }

  private var steps: [Step]
  private var next = 0
  /// Called with the id of a job that was stored buried.
  private let kick: (UInt64, QueuedPut) -> Void

  init(_ steps: [Step], kick: @escaping (UInt64, QueuedPut) -> Void) {
    self.steps = steps
    self.kick = kick
  }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    switch steps[next] {
    case .use(let tube):
      // A tube that this connection watches exists, so its use can't fail. If it did, the puts behind it would go into
      // the tube in force before: at least nothing further does.
      guard case .using(let name) = reply, tube.isSpelled(bytes.extracting(name)) else { return .violation }
    case .put(let queued):
      switch reply {
      case .inserted(let id): queued.finish(.stored(id))
      case .insertedBuried(let id):
        queued.finish(.stored(id))
        kick(id, queued)
      case .jobTooBig: queued.finish(.tooBig)
      case .draining, .outOfMemory, .internalError, .expectedCRLF: queued.finish(.refused("\(reply.word)"))
      // After BAD_FORMAT the server takes the body for commands.
      default: return .violation
      }
    }
    next += 1
    return next == steps.count ? .complete : .more
  }

  func abandon(_ error: BeanstalkError) {
    for step in steps[next...] {
      if case .put(let queued) = step { queued.finish(.unanswered) }
    }
    next = steps.count
  }
}

extension TubeName {
  func isSpelled(_ bytes: Span<UInt8>) -> Bool {
    let name = description.utf8
    guard name.count == bytes.count else { return false }
    var index = 0
    for byte in name {
      if byte != bytes[index] { return false }
      index += 1
    }
    return true
  }
}
