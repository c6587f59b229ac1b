import MEDCore

/// Why a queue server couldn't do what was asked.
public struct BeanstalkError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable, CaseIterable {
    /// No address for the host name.
    case unresolved
    /// Not connected, and connecting fails.
    case unreachable
    /// The connection ended while an answer was awaited.
    case connectionLost
    /// No answer in time.
    case timedOut
    /// The server said what the protocol doesn't allow at that point.
    case protocolViolation
    /// The server answered with an error: OUT_OF_MEMORY, INTERNAL_ERROR, DRAINING …
    case refused
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

  public let code: Code
  public let message: String
  public let cause: (any Error)?
  public let location: String
  /// The calls that led to it, for the log.
  let stack = StackTrace()

  public init(
    _ code: Code, _ message: String, cause: (any Error)? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    self.code = code
    self.message = message
    self.cause = cause
    location = "\(file):\(line)"
  }

  public var disposition: Disposition {
    switch code {
    case .unresolved, .unreachable, .connectionLost, .timedOut, .protocolViolation, .refused: .retry
    case .jobTooBig: .discard
    case .badAddress, .closed: .fatal
    }
  }

  /// One of a fixed set.
  public var metricLabel: String { code.rawValue }

  public var description: String { "\(message) (\(code.rawValue), \(location))" }
}
