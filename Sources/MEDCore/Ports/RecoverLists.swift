/// Where producers leave messages that no queue server took (SPEC §10). Thread-safe; one caller at a time but for
/// ``keepAlive()`` and ``close()``.
///
/// What is taken lies on a list of this process alone until it is removed or put back: whoever takes its place finds it
/// there.
public protocol RecoverLists: Sendable {
  /// Moves entries, the oldest first, to a list of this process, and hands them over. Whatever earlier calls couldn't bring
  /// to an end is ended first.
  /// - Parameter limit: so many at most, at least 1.
  func take(atMost limit: Int) async throws -> RecoverTake

  /// Removes entries for good: each has another home. What can't be removed now is removed by the next ``take(atMost:)``.
  func remove(_ entries: [RecoverEntry]) async throws

  /// Puts entries back on the list that they came from.
  /// - Returns: for each, in order, why it was refused; nil: it is back. What was refused is still in hand.
  /// - Throws: nothing is known to be back; all are still in hand.
  func putBack(_ entries: [RecoverEntry]) async throws -> [String?]

  /// Shows others that this process lives. Without it they take up what it has in hand.
  func keepAlive() async throws

  /// Ends what is under way, for good; nothing is taken any more.
  func close() async

  /// How they are, for whoever watches over them.
  var condition: RecoverListsCondition { get }
}

/// One message of a recover list, in hand.
public struct RecoverEntry: Sendable, Hashable {
  /// The list's name, for people.
  public let list: String
  /// Which of the process's own lists it lies on; the adapter's own numbers.
  public let holder: Int
  /// Exactly as the producer has pushed it.
  public let bytes: [UInt8]

  /// An entry of that list.
  public init(list: String, holder: Int = 0, bytes: [UInt8]) {
    self.list = list
    self.holder = holder
    self.bytes = bytes
  }
}

/// What a take from the recover lists brought.
public struct RecoverTake: Sendable {
  /// In the order in which they are to be put.
  public var entries: [RecoverEntry]
  /// How long to wait before the next take; zero while there may be more.
  public var pause: Duration

  /// What a take brought.
  public init(_ entries: [RecoverEntry], pause: Duration = .zero) {
    self.entries = entries
    self.pause = pause
  }
}

/// How the recover lists' server and the lists are.
public struct RecoverListsCondition: Sendable, Equatable {
  /// `host:port` of the server in use; nil if none is.
  public var address: String?
  /// Lists that are known and may have entries.
  public var lists = 0
  /// Keys with a recover list's name that are none.
  public var strangers = 0
  /// Lists of dead processes that were taken up since the start.
  public var adopted: UInt64 = 0
  /// Entries that were too large to be read and were put aside since the start.
  public var setAside: UInt64 = 0

  /// Nothing is known.
  public init() {}
}
