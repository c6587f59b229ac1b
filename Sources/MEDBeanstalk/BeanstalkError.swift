import MEDCore

/// Why a queue server couldn't do what was asked.
public struct BeanstalkError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure; closed, so that a `switch` over it needs no default.
  public enum Code: String, Sendable, CaseIterable {
    /// No address for the host name.
    case unresolved
    /// Not connected, and connecting fails.
    case unreachable
    /// The connection ended while an answer was awaited: done or not, nobody knows.
    case connectionLost
    /// No answer in time.
    case timedOut
    /// The server said what the protocol doesn't allow at that point.
    case protocolViolation
    /// The server answered with what is no success and none of the errors below.
    case refused
    /// DRAINING: it takes no new jobs until it is started anew.
    case draining
    /// OUT_OF_MEMORY.
    case outOfMemory
    /// INTERNAL_ERROR: a bug in the server.
    case internalError
    /// BAD_FORMAT: it can't read the command.
    case badFormat
    /// UNKNOWN_COMMAND: it is older than the command.
    case unknownCommand
    /// EXPECTED_CRLF: it didn't find the end of a job's body.
    case expectedCRLF
    /// JOB_TOO_BIG: the body is larger than its max-job-size.
    case jobTooBig
    /// `host:port` that is none.
    case badAddress
    /// The session was closed by us.
    case closed
  }

  /// What to do about it.
  public enum Disposition: Sendable {
    /// Later, or on another server.
    case retry
    /// Never: no server will take it.
    case discard
    /// Nothing will work until somebody changes something.
    case fatal
  }

  /// The kind of failure.
  public let code: Code
  /// One line for people; nobody should parse it.
  public let message: String
  /// What it comes from, if anything.
  public let cause: (any Error)?
  /// `file:line` in this library's sources where it arose.
  public let location: String
  /// The calls that led to it, for the log.
  let stack = StackTrace()

  /// An error that arose at the place of the call.
  public init(
    _ code: Code, _ message: String, cause: (any Error)? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    self.code = code
    self.message = message
    self.cause = cause
    location = "\(file):\(line)"
  }

  /// What to do about it; follows from the code.
  public var disposition: Disposition {
    switch code {
    case .unresolved, .unreachable, .connectionLost, .timedOut, .protocolViolation, .refused: .retry
    case .draining, .outOfMemory, .internalError, .expectedCRLF: .retry
    case .jobTooBig: .discard
    case .badFormat, .unknownCommand, .badAddress, .closed: .fatal
    }
  }

  /// For metrics: one of a fixed set, the code's name.
  public var metricLabel: String { code.rawValue }

  /// Message, code and location on one line.
  public var description: String { "\(message) (\(code.rawValue), \(location))" }
}

extension BeanstalkError {
  /// The server answered `word`, which isn't what was asked for.
  static func refusal(
    _ word: String, to what: String, file: StaticString = #fileID, line: UInt = #line
  ) -> BeanstalkError {
    let code: Code =
      switch word {
      case "DRAINING": .draining
      case "OUT_OF_MEMORY": .outOfMemory
      case "INTERNAL_ERROR": .internalError
      case "BAD_FORMAT": .badFormat
      case "UNKNOWN_COMMAND": .unknownCommand
      case "EXPECTED_CRLF": .expectedCRLF
      case "JOB_TOO_BIG": .jobTooBig
      default: .refused
      }
    return BeanstalkError(code, "\(what) was answered with \(word)", file: file, line: line)
  }

  /// Whether the server answered, so that its connection is still good.
  var isRefusal: Bool {
    switch code {
    case .refused, .draining, .outOfMemory, .internalError, .badFormat, .unknownCommand, .expectedCRLF, .jobTooBig: true
    default: false
    }
  }
}
