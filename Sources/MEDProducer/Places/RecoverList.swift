/// One Redis with the list.
protocol RecoverList: Sendable {
  /// `host:port`.
  var place: String { get }

  /// Pushes all entries to the left of the list, or none: dispatchers take from the right. Takes a bounded time.
  func push(_ entries: [[UInt8]]) async -> RecoverListOutcome

  /// Ends the connection.
  func close() async
}

/// What became of a push.
enum RecoverListOutcome: Sendable, Equatable {
  /// All are on the list.
  case pushed
  /// None is: the server can't be reached, or answered with an error.
  case refused(String)
  /// Sent, but not answered: all are there or none, nobody knows.
  case unanswered(String)
}
