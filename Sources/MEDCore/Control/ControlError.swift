/// Why a control command was not carried out. Nothing has changed then, unless the code is ``Code/timedOut``.
public struct ControlError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Code: String, Sendable, CaseIterable {
    /// There is no command of that name.
    case unknownCommand
    /// An argument is missing or of another kind than it must be.
    case invalidArgument
    /// An argument breaks a bound, which the message names.
    case outOfBounds
    /// There is no such subscription.
    case notFound
    /// What is asked for doesn't go with the state that things are in.
    case conflict
    /// What the command needs isn't there: the dispatcher doesn't run, the store doesn't answer, nobody cleans queues.
    case unavailable
    /// Too many commands wait.
    case busy
    /// What had to be kept could not be written.
    case notStored
    /// It took too long; it may still be carried out.
    case timedOut
  }

  /// The kind of failure.
  public let code: Code
  /// For people: what was found and what is allowed.
  public let message: String

  /// A failure of that kind.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// From the fixed set of ``Code``.
  public var metricLabel: String { code.rawValue }

  /// The message.
  public var description: String { message }

  init(_ error: StoreError) {
    switch error.code {
    case .notFound: self.init(.notFound, error.message)
    case .invalid, .constraint: self.init(.invalidArgument, error.message)
    case .unavailable, .busy, .corrupt, .schema, .cancelled:
      self.init(.unavailable, "the store doesn't answer, nothing was changed: \(error.message)")
    }
  }

  init(_ error: ParameterError) {
    self.init(error.code == .outOfBounds ? .outOfBounds : .invalidArgument, "\(error)")
  }
}
