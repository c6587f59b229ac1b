/// A run of commands and the answers that are due to them, in order.
///
/// Commands cost no object each: what hundreds of them share is one exchange, and one continuation at its end.
protocol Exchange: AnyObject {
  /// Whether the server may take as long as it likes for the next answer (a blocking reserve).
  var mayBlock: Bool { get }

  /// Takes the next answer. `bytes` are those of the reply, which its ranges refer to.
  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep

  /// The connection ended before all answers came.
  func abandon(_ error: BeanstalkError)
}

extension Exchange {
  var mayBlock: Bool { false }
}

enum ExchangeStep {
  case more
  case complete
  /// The answer fits nothing that was asked: the connection can't be trusted any more.
  case violation
}

/// A fixed number of commands with one answer each, kept as they came. Not for the hot path.
final class AnswersExchange: Exchange {
  private let count: Int
  private var answers: [Answer] = []
  private var continuation: UnsafeContinuation<Result<[Answer], BeanstalkError>, Never>?

  init(_ count: Int, _ continuation: UnsafeContinuation<Result<[Answer], BeanstalkError>, Never>) {
    self.count = count
    self.continuation = continuation
  }

  func receive(_ reply: Reply, _ bytes: Span<UInt8>, on connection: Connection) -> ExchangeStep {
    answers.append(Answer(reply, bytes))
    if answers.count < count { return .more }
    continuation?.resume(returning: .success(answers))
    continuation = nil
    return .complete
  }

  func abandon(_ error: BeanstalkError) {
    continuation?.resume(returning: .failure(error))
    continuation = nil
  }
}

/// A reply with a copy of what it carried: the body, or the name of the tube.
struct Answer: Sendable {
  let reply: Reply
  let body: [UInt8]

  init(_ reply: Reply, _ bytes: Span<UInt8>) {
    self.reply = reply
    switch reply {
    case .ok(let range), .found(_, let range), .reserved(_, let range), .using(let range): body = bytes.copy(range)
    default: body = []
    }
  }

  /// What is said about an answer that isn't the hoped-for one.
  var text: String { "\(reply.word)" }
}

extension Span<UInt8> {
  func copy(_ range: Range<Int>) -> [UInt8] {
    extracting(range).withUnsafeBytes { [UInt8]($0) }
  }
}
