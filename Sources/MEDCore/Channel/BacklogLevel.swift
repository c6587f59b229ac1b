/// How full a channel with a drop policy is, between samples too: what the latest samples said, plus copies put since,
/// less jobs taken since (SPEC §4). So a flood is seen at its first message too many, however long the samples take.
///
/// In doubt it is too low: a message that may still be kept is kept. What that costs is at most the copies that are under
/// way when a sample comes.
///
/// Pure; the owner reports what happens.
struct BacklogLevel: Equatable {
  /// What is known of the channel on one queue server.
  private struct Server: Equatable {
    var ready = 0
    /// All jobs ever taken: tells those that came after a sample was asked for.
    var taken: UInt64 = 0
    var sampledAt: ContinuousClock.Instant?
  }

  private var servers: [Server]
  /// Copies that are on their way to a queue server, and those of them that the latest sample may have counted.
  private var underWay = 0
  private var maybeCounted = 0
  /// Whether anything was put since the latest sample.
  private var isMoving = false
  private var latestCopy: UInt64 = 0

  /// - Parameter samples: the latest of each server.
  init(_ samples: [BacklogSample]) {
    servers = samples.map { Server(ready: $0.ready, sampledAt: $0.takenAt) }
  }

  var estimate: Int { servers.reduce(underWay - maybeCounted) { $0 + $1.ready } }

  /// Whether a sample is worth asking for: nobody needs to know more of a channel that is empty and quiet.
  var isOfInterest: Bool { isMoving || underWay > 0 || servers.contains { $0.ready > 0 } }

  /// Whether a copy has begun after that moment: then what was asked before it says nothing of an empty channel.
  func hasCopies(since moment: UInt64) -> Bool { latestCopy > moment }

  func sampledAt(_ server: Int) -> ContinuousClock.Instant? { servers[server].sampledAt }

  // MARK: Events

  /// A copy is to be put.
  /// - Parameter moment: rises with each copy of any channel.
  mutating func copyBegins(_ moment: UInt64) {
    underWay += 1
    latestCopy = moment
    isMoving = true
  }

  mutating func copyStored(at server: Int) {
    if !endCopy() { servers[server].ready += 1 }
  }

  /// It found another home, or waits outside the queue.
  mutating func copyAbandoned() { _ = endCopy() }

  /// - Returns: whether a sample may have counted it.
  private mutating func endCopy() -> Bool {
    if underWay > 0 { underWay -= 1 }
    guard maybeCounted > 0 else { return false }
    maybeCounted -= 1
    return true
  }

  mutating func took(_ jobs: Int, at server: Int) {
    servers[server].ready = max(0, servers[server].ready - jobs)
    servers[server].taken &+= UInt64(jobs)
  }

  /// To be asked before a sample is.
  func mark(at server: Int) -> UInt64 { servers[server].taken }

  /// A server has answered: so many jobs are ready, or were a little while ago.
  mutating func sampled(ready: Int, at server: Int, since mark: UInt64, now: ContinuousClock.Instant) {
    let takenSince = Int(clamping: servers[server].taken &- mark)
    let ready = max(0, ready - takenSince)
    // What the server has more than was known of may be copies whose answer isn't read yet.
    maybeCounted = min(underWay, maybeCounted + max(0, ready - servers[server].ready))
    servers[server].ready = ready
    servers[server].sampledAt = now
    isMoving = underWay > 0
  }
}
