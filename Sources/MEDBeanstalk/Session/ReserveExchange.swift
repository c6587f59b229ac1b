import MEDCore

/// `reserve`s in one write, and the `bury` of each job as it comes: the one place where a job becomes ours.
///
/// A job counts only once its BURIED was read. Jobs that stay reserved count once RESERVED was read, for as long as the
/// connection lives.
final class ReserveExchange: Exchange {
  struct Result {
    /// Buried, or kept reserved, and hence ours, in order.
    var jobs: [Job] = []
    /// Reserved by us; whether the bury was done isn't known.
    var adrift: [AdriftJob] = []
    /// A reserve was answered TIMED_OUT (or DEADLINE_SOON).
    var ranDry = false
    /// A reserve was refused, or the connection ended.
    var failure: BeanstalkError?
  }

  private let tube: TubeName
  private let instance: UInt32
  private let priority: UInt32
  private let isBlocking: Bool
  private let custody: Custody
  private var reservesLeft: Int
  private var reserved: [Job] = []
  private var buriesAnswered = 0
  private var result = Result()

  /// Called when all reserves have been answered, before the buries have.
  var onReserved: (() -> Void)?
  private let onEnd: (Result) -> Void

  /// - Parameters:
  ///   - count: at least 1.
  ///   - isBlocking: whether the first reserve waits for a job.
  init(
    _ count: Int, from tube: TubeName, instance: UInt32, priority: UInt32, isBlocking: Bool,
    custody: Custody, onEnd: @escaping (Result) -> Void
  ) {
    self.tube = tube
    self.instance = instance
    self.priority = priority
    self.isBlocking = isBlocking
    self.custody = custody
    reservesLeft = count
    self.onEnd = onEnd
  }

  /// Sends the reserves at once.
  func begin(on connection: Connection) {
    for index in 0..<reservesLeft {
      connection.output.append(isBlocking && index == 0 ? .reserve : .reserveWithTimeout(seconds: 0))
    }
    connection.expect(self)
    connection.flush()
  }

  /// Whether the server holds the first reserve until a job comes, so that nothing is ours yet.
  private(set) var hasBegun = false
  private(set) var hasEnded = false

  var mayBlock: Bool { isBlocking && !hasBegun }
  /// How many jobs came, and whether the tube had as many as were asked for.
  var reservedCount: Int { reserved.count }
  var ranDry: Bool { result.ranDry }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    hasBegun = true
    guard reservesLeft > 0 else { return receiveBury(reply) }
    reservesLeft -= 1
    switch reply {
    case .reserved(let id, let body):
      let job = Job(id: JobID(instance: instance, number: id), tube: tube, body: bytes.copy(body))
      reserved.append(job)
      switch custody {
      case .buried(let adrift):
        adrift.isTaken(job.id)
        connection.output.append(.bury(id, priority: priority))
        connection.isAnswering = true
      case .reserved(let held):
        if held.accept(job, from: connection) { result.jobs.append(job) }
      }
    case .timedOut, .deadlineSoon: result.ranDry = true
    default:
      guard reply.isRefusal else { return .violation }
      result.failure = .refusal("\(reply.word)", to: "reserve")
    }
    if reservesLeft == 0 { onReserved?() }
    return finishIfAnswered()
  }

  private func receiveBury(_ reply: Reply) -> ExchangeStep {
    let job = reserved[buriesAnswered]
    buriesAnswered += 1
    switch reply {
    case .buried: result.jobs.append(job)
    // Not ours any more. After a refusal it stays reserved, and comes back when its time to run is over.
    case .notFound: break
    default: guard reply.isRefusal else { return .violation }
    }
    return finishIfAnswered()
  }

  private func finishIfAnswered() -> ExchangeStep {
    guard reservesLeft == 0, !custody.buries || buriesAnswered == reserved.count else { return .more }
    end()
    return .complete
  }

  func abandon(_ error: BeanstalkError) {
    // Its end may have closed the connection.
    if hasEnded { return }
    switch custody {
    case .buried:
      result.adrift = reserved[buriesAnswered...].map { AdriftJob(id: $0.id, tube: $0.tube, body: $0.body) }
    case .reserved(let held):
      // The server has them again.
      held.forget(result.jobs)
      result.jobs = []
    }
    result.failure = error
    end()
  }

  private func end() {
    hasEnded = true
    onReserved = nil
    onEnd(result)
  }
}

/// How jobs that were taken are kept from others.
enum Custody {
  /// They are buried. The jobs adrift are told of each before its bury leaves.
  case buried(AdriftJobs)
  /// They stay reserved.
  case reserved(ReservedJobs)

  var buries: Bool { if case .buried = self { true } else { false } }
}
