/// Which queue server is asked next: all in turn, those that have just failed later or not at all.
///
/// A pure decision: who it is asked for, and how that ended, it is told.
struct ServerChoice {
  /// How a server's answer to some puts is taken.
  enum Verdict {
    case good
    /// It answered and took nothing (DRAINING, OUT_OF_MEMORY), or couldn't be reached: which costs nobody much time.
    case refused
    /// It left puts unanswered.
    case silent
  }

  private struct Server {
    /// Asked last until then.
    var avoidedUntil: ContinuousClock.Instant?
    /// Not asked until then.
    var downUntil: ContinuousClock.Instant?
    /// Who waits for an answer.
    var waiting = 0
    /// When the wait began, or the latest answer came.
    var since: ContinuousClock.Instant?
  }

  private let suspicionTime: Duration
  private let downTime: Duration
  private var servers: [Server]
  private var turn = 0

  init(count: Int, suspicionTime: Duration, downTime: Duration) {
    self.suspicionTime = suspicionTime
    self.downTime = downTime
    servers = Array(repeating: Server(), count: count)
  }

  /// The server to ask now, of those that haven't been tried yet. Say ``ended(_:_:since:now:)`` afterwards.
  /// - Parameter evenDown: also those that are left alone: for when the message has nowhere else to go.
  /// - Returns: nil if none is left.
  mutating func next(
    besides tried: Set<Int>, evenDown: Bool = false, now: ContinuousClock.Instant
  ) -> Int? {
    var best: (rank: Int, index: Int)?
    for step in servers.indices {
      let index = (turn + step) % servers.count
      let rank = rank(of: index, now: now)
      guard !tried.contains(index), rank < 2 || evenDown else { continue }
      if best.map({ rank < $0.rank }) ?? true { best = (rank, index) }
    }
    guard let best else { return nil }
    turn = (best.index + 1) % servers.count
    if servers[best.index].waiting == 0 { servers[best.index].since = now }
    servers[best.index].waiting += 1
    return best.index
  }

  /// The lower the better; 2 is left alone.
  private func rank(of index: Int, now: ContinuousClock.Instant) -> Int {
    let server = servers[index]
    if let until = server.downUntil, until > now { return 2 }
    if let until = server.avoidedUntil, until > now { return 1 }
    if server.waiting > 0, let since = server.since, now - since > suspicionTime { return 1 }
    return 0
  }

  /// What came of asking the server that ``next(besides:evenDown:now:)`` has named.
  /// - Parameter began: when it was asked.
  mutating func ended(
    _ index: Int, _ verdict: Verdict, since began: ContinuousClock.Instant, now: ContinuousClock.Instant
  ) {
    servers[index].waiting -= 1
    servers[index].since = now
    switch verdict {
    case .good:
      servers[index].avoidedUntil = nil
      servers[index].downUntil = nil
    case .refused: servers[index].avoidedUntil = now + downTime
    // A connection that breaks at once, as in a restart, has held up nobody.
    case .silent where now - began < suspicionTime: servers[index].avoidedUntil = now + downTime
    case .silent: servers[index].downUntil = now + downTime
    }
  }
}
