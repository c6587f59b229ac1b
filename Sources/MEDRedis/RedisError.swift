/// Why commands have no answers.
public struct RedisError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Code: String, Sendable, CaseIterable {
    /// No address could be connected to, or the server there can't be used now: nothing was sent.
    case unavailable
    /// The connection was lost, or the time was over, before all answers came: what wasn't answered may have been done.
    case unanswered
    /// The answer was none of the protocol's. What wasn't answered may have been done.
    case malformed
    /// The answers were larger than allowed. What wasn't answered has most likely been done.
    case tooLarge
    /// The server refused a command.
    case refused
    /// The client is closed: nothing was sent.
    case closed
  }

  /// What to do about it.
  public enum Disposition: Sendable, Equatable {
    /// Goes away by itself, or when the operator mends it: try again, with backoff.
    case retry
    /// The same command fails again however often it is sent.
    case fatal
  }

  /// The kind of failure.
  public let code: Code
  /// For people; without secrets.
  public let message: String
  /// What the server said, if it is about that.
  public let server: RedisServerError?
  /// The answers that had come, of the first commands of a pipeline; empty unless some were sent.
  public let answers: [RedisValue]

  init(_ code: Code, _ message: String, server: RedisServerError? = nil, answers: [RedisValue] = []) {
    self.code = code
    self.message = message
    self.server = server
    self.answers = answers
  }

  /// What to do about it; follows from the code and what the server said.
  public var disposition: Disposition {
    switch code {
    case .unavailable, .unanswered, .malformed: .retry
    case .closed, .tooLarge: .fatal
    case .refused:
      switch server?.kind {
      case .loading, .readOnly, .primaryDown, .cluster, .notAllowed, .outOfMemory, .busy, .unsafe: .retry
      case .wrongType, .other, nil: .fatal
      }
    }
  }

  /// From a fixed set: the code, or the kind of what the server said.
  public var metricLabel: String { server?.kind.rawValue ?? code.rawValue }

  /// Code and message.
  public var description: String { "\(code.rawValue): \(message)" }
}
