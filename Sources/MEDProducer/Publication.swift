import MEDCore

/// Where a message is, once somebody has confirmed to have it.
public struct Publication: Sendable, Equatable {
  /// Who has it.
  public enum Place: Sendable, Equatable {
    /// The main queue of that server.
    case queued(QueueServerAddress)
    /// The recover list of that name: a dispatcher puts it into the main queue when it can.
    case listed(String)
  }

  /// Who has confirmed to have it.
  public let place: Place
  /// Those that were sent it before and never answered, as `host:port`: it may be there as well, and be delivered twice.
  /// Mostly empty.
  public let inDoubt: [String]

  /// A message that is in `place`, and perhaps elsewhere too.
  public init(_ place: Place, inDoubt: [String] = []) {
    self.place = place
    self.inDoubt = inDoubt
  }
}
