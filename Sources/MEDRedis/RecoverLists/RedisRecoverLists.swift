import DequeModule
import Logging
import MEDCore
import MEDLoop

/// The recover lists in a Redis (SPEC §10).
///
/// Entries are moved to a list of this process by RPOPLPUSH (LMOVE where there is one), each batch to one of its own, and
/// removed from there by LREM. A key with a short life says that the process is alive; the lists of one without are taken
/// up by RENAMENX, by whoever comes first.
public actor RedisRecoverLists: RecoverLists {
  /// How long the key that says that this process lives outlasts its last renewal.
  static let lifetime = Duration.seconds(10)
  /// How much is read at once, and so the largest entry: what a line of the DATA log has room for.
  public static let maximumBytes = 11 << 20
  /// Names that are remembered at once; further ones are found again once some lists are empty.
  static let maximumLists = 10_000
  /// Lists of this process that wait to be read; further ones are found again.
  static let maximumLeftovers = 1_000
  /// Keys that are no lists and were told of.
  static let maximumStrangers = 1_000

  nonisolated let client: RedisClient
  nonisolated let names: RecoverListNames
  nonisolated let logger: Logger
  /// The thread of the connection: nothing is done while it waits.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { client.unownedExecutor }
  private nonisolated let snapshot = Locked(RecoverListsCondition())

  /// A list of this process that isn't in hand: taken up, or a batch that got no answer.
  struct Leftover {
    let key: [UInt8]
    let list: [UInt8]
  }

  var lists: Deque<[UInt8]> = []
  var knownLists: Set<[UInt8]> = []
  var leftovers: Deque<Leftover> = []
  var holders: [Int: ListHolder] = [:]
  var strangers: Set<[UInt8]> = []
  var listScan: ListScan
  var holderScan: ListScan
  var number = 0
  /// What is known of the server holds for that connection.
  var connection = 0
  var knowsMove = false
  var shownAlive: ContinuousClock.Instant?
  var adopted: UInt64 = 0
  var setAside: UInt64 = 0

  /// Connects to nothing yet.
  /// - Parameters:
  ///   - configuration: which servers. At most ``maximumBytes`` of a pipeline's replies are read, whatever it says.
  ///   - prefix: how the names of the recover lists begin; not empty.
  ///   - logger: where lists are told of that can't be used, or were taken up.
  /// - Throws: `.unavailable` if the system has no threads or descriptors left.
  public init(_ configuration: RedisConfiguration, prefix: String, logger: Logger) throws(RedisError) {
    try self.init(configuration, names: RecoverListNames(prefix: prefix), logger: logger)
  }

  init(_ configuration: RedisConfiguration, names: RecoverListNames, logger: Logger) throws(RedisError) {
    var configuration = configuration
    configuration.maximumReplyBytes = min(configuration.maximumReplyBytes, Self.maximumBytes)
    client = try RedisClient(configuration)
    self.names = names
    self.logger = logger
    listScan = ListScan(names.lists, every: .seconds(1))
    holderScan = ListScan(names.holders, every: .seconds(5))
  }

  /// Says which server is in use, and how many lists are known.
  public nonisolated var condition: RecoverListsCondition {
    var condition = snapshot.withLock { $0 }
    condition.address = client.connectedAddress?.description
    return condition
  }

  func updateCondition() {
    var condition = RecoverListsCondition()
    condition.lists = lists.count + leftovers.count
    condition.strangers = strangers.count
    condition.adopted = adopted
    condition.setAside = setAside
    snapshot.withLock { [condition] in $0 = condition }
  }

  /// Takes from one list; each has its turn.
  public func take(atMost limit: Int) async throws -> RecoverTake {
    defer { updateCondition() }
    try await prepare()
    try await removeFinished()
    try await find()
    // Each list once: what is drained is forgotten until it is found again.
    for _ in 0..<(leftovers.count + lists.count) {
      let entries = try await takeFromNext(max(limit, 1))
      if !entries.isEmpty { return RecoverTake(entries) }
    }
    let untilDue = ContinuousClock.now.duration(to: min(listScan.due, holderScan.due))
    return RecoverTake([], pause: min(max(untilDue, .milliseconds(10)), .seconds(1)))
  }

  /// Renews the key that says so.
  public func keepAlive() async throws { try await showAlive() }

  /// Takes half a second at most, whatever the server does.
  public func close() async {
    await withCheckedContinuation { continuation in
      let waiting = Locked<CheckedContinuation<Void, Never>?>(continuation)
      @Sendable func finish() {
        client.close()
        waiting.withLock { waiting in
          defer { waiting = nil }
          return waiting
        }?.resume()
      }
      Task {
        // What is left lies there for whoever comes next.
        _ = try? await client.send(RedisCommand("DEL", names.alive))
        finish()
      }
      Task {
        try? await Task.sleep(for: .milliseconds(500))
        finish()
      }
    }
  }
}
