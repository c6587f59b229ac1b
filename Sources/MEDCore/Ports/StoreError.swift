/// What went wrong with a store of subscriptions or failure rows.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Code: String, Sendable, CaseIterable {
    /// Can't be opened, reached or read: full or missing disk, no permission, server gone.
    case unavailable
    /// Locked by somebody else for longer than the time-out.
    case busy
    /// What was read isn't a database, or a damaged one.
    case corrupt
    /// A table or a column that is needed isn't there.
    case schema
    /// A row was refused: a unique key, a column that may not be NULL.
    case constraint
    /// No subscription by that id.
    case notFound
    /// A value that the caller gave can't be kept.
    case invalid
    /// The task that asked was cancelled.
    case cancelled
  }

  /// What to do about it.
  public enum Disposition: Sendable, Equatable {
    /// Goes away by itself, or when the operator repairs the store: ask again, with backoff.
    case retry
    /// The same request fails again however often it is made.
    case fatal
  }

  /// The kind of failure.
  public let code: Code
  /// For people; without secrets.
  public let message: String
  /// What it comes from, if anything.
  public let cause: (any Error)?

  /// An error of that kind.
  public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// Takes what a store threw for what it is, and anything else for the store being out of reach.
  public init(_ error: any Error) {
    switch error {
    case let error as StoreError: self = error
    case is CancellationError: self.init(.cancelled, "cancelled", cause: error)
    default: self.init(.unavailable, "\(error)", cause: error)
    }
  }

  /// What to do about it; follows from the code.
  public var disposition: Disposition {
    switch code {
    case .unavailable, .busy, .corrupt, .schema, .cancelled: .retry
    case .constraint, .notFound, .invalid: .fatal
    }
  }

  /// From the fixed set of ``Code``.
  public var metricLabel: String { code.rawValue }

  /// Code and message.
  public var description: String { "\(code.rawValue): \(message)" }
}
