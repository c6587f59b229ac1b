/// Why a message isn't known to be anywhere.
public struct ProducerError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure; closed, so that a `switch` over it needs no default.
  public enum Code: String, Sendable, CaseIterable {
    /// No dispatcher could use the message; it was sent to nobody.
    case invalidMessage
    /// The message is larger than the queue servers take (their max-job-size); it is nowhere.
    case tooBig
    /// Nobody took the message, and everybody who was asked has said so or couldn't be reached: it is nowhere.
    case nowhere
    /// Nobody has confirmed to have the message, but it was sent to some who didn't answer: it may be there.
    case unconfirmed
    /// The producer was closed; the message is nowhere.
    case closed
    /// The configuration can't be used.
    case badConfiguration
  }

  /// What to do about it.
  public enum Disposition: Sendable {
    /// Keep the message and publish it again later. After ``Code/unconfirmed`` it may then be delivered twice.
    case retry
    /// Never: it won't be taken as it is.
    case discard
    /// Nothing will work until somebody changes something.
    case fatal
  }

  /// Who was asked to take the message, and why it isn't known to be there.
  public struct Attempt: Sendable, Equatable, CustomStringConvertible {
    /// `host:port` of a queue server or a Redis.
    public let place: String
    /// For people; nobody should parse it.
    public let reason: String
    /// Whether the message was sent there and nobody knows if it was taken.
    public let isInDoubt: Bool

    /// Both on one line.
    public var description: String { "\(place): \(reason)" }
  }

  /// The kind of failure.
  public let code: Code
  /// One line for people; nobody should parse it.
  public let message: String
  /// Who was asked, in order.
  public let attempts: [Attempt]
  /// What it comes from, if anything.
  public let cause: (any Error)?

  init(_ code: Code, _ message: String, attempts: [Attempt] = [], cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.attempts = attempts
    self.cause = cause
  }

  /// What to do about it; follows from the code.
  public var disposition: Disposition {
    switch code {
    case .nowhere, .unconfirmed: .retry
    case .invalidMessage, .tooBig: .discard
    case .closed, .badConfiguration: .fatal
    }
  }

  /// For metrics: one of a fixed set, the code's name.
  public var metricLabel: String { code.rawValue }

  /// Message, code and who was asked, on one line.
  public var description: String {
    let asked = attempts.isEmpty ? "" : ": " + attempts.map(\.description).joined(separator: "; ")
    return "\(message) (\(code.rawValue))\(asked)"
  }

  /// What is thrown when nobody has confirmed a message.
  static func unplaced(_ attempts: [Attempt]) -> ProducerError {
    attempts.contains(where: \.isInDoubt)
      ? ProducerError(.unconfirmed, "nobody has confirmed to have the message, it may be somewhere", attempts: attempts)
      : ProducerError(.nowhere, "the message is nowhere: nobody took it", attempts: attempts)
  }
}
