import Glibc

/// One connection through a ``FaultProxy``: two sockets and what is on its way between them.
///
/// At most 1 MiB waits in each direction; then the sender isn't read until it has gone.
final class ProxyLink {
  private struct Lane {
    let from: Int32
    let to: Int32
    var filters: [(rule: Int, filter: @Sendable (inout Piece) -> Void)] = []
    var waiting: [(bytes: ArraySlice<UInt8>, due: ContinuousClock.Instant)] = []
    var waitingBytes = 0
    var ended = false
    var endPassedOn = false
  }

  private let client: Int32
  private let server: Int32
  private var toServer: Lane
  private var toClient: Lane
  private(set) var isClosed = false
  /// Nothing more is read; what was let through is still delivered, then both sockets are closed.
  private var isCut = false

  init(client: Int32, server: Int32) {
    self.client = client
    self.server = server
    toServer = Lane(from: client, to: server)
    toClient = Lane(from: server, to: client)
  }

  deinit { close() }

  func add(_ rule: ProxyRule, id: Int) {
    lane(rule.direction) { $0.filters.append((id, rule.makeFilter())) }
  }

  func remove(rules ids: some Sequence<Int>) {
    for direction in [Direction.toServer, .toClient] {
      lane(direction) { lane in lane.filters.removeAll { ids.contains($0.rule) } }
    }
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    Glibc.close(client)
    Glibc.close(server)
  }

  func interests(paused: Bool, at now: ContinuousClock.Instant) -> [pollfd] {
    if isClosed || paused { return [] }
    return [(toServer, toClient), (toClient, toServer)].compactMap { from, to in
      var events: Int32 = 0
      if !from.ended, !isCut, from.waitingBytes < 1 << 20 { events |= POLLIN }
      if let first = to.waiting.first, first.due <= now { events |= Int32(POLLOUT) }
      return events == 0 ? nil : pollfd(fd: from.from, events: Int16(events), revents: 0)
    }
  }

  func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    [toServer.waiting.first?.due, toClient.waiting.first?.due].compactMap { $0 }.filter { $0 > now }.min()
  }

  /// Reads, filters, delivers. Returns the rules that cut it.
  func turn(_ ready: Set<Int32>, count: (Direction, Int) -> Void) -> [Int] {
    var cutters: [Int] = []
    for direction in [Direction.toServer, .toClient] {
      lane(direction) { lane in
        if ready.contains(lane.from), !isCut, !lane.ended {
          cutters += read(&lane) { count(direction, $0) }
        }
      }
    }
    // why: an answer that was read before the cut is still delivered, as it would be on a real network
    for direction in [Direction.toServer, .toClient] where !isClosed { lane(direction, deliver) }
    if isClosed { return cutters }
    let isDone = toServer.waiting.isEmpty && toClient.waiting.isEmpty
    if isDone, isCut || (toServer.endPassedOn && toClient.endPassedOn) { close() }
    return cutters
  }

  private func read(_ lane: inout Lane, count: (Int) -> Void) -> [Int] {
    switch TCP.read(lane.from) {
    case .nothingYet: return []
    case .end:
      lane.ended = true
      return []
    case .failed:
      isCut = true
      return []
    case .bytes(let bytes):
      var piece = Piece(bytes: bytes)
      for (rule, filter) in lane.filters {
        filter(&piece)
        if piece.isCut {
          enqueue(piece, on: &lane, count: count)
          isCut = true
          return [rule]
        }
      }
      enqueue(piece, on: &lane, count: count)
      return []
    }
  }

  private func enqueue(_ piece: Piece, on lane: inout Lane, count: (Int) -> Void) {
    guard !piece.bytes.isEmpty else { return }
    lane.waiting.append((piece.bytes[...], .now.advanced(by: piece.delay)))
    lane.waitingBytes += piece.bytes.count
    count(piece.bytes.count)
  }

  private func deliver(_ lane: inout Lane) {
    let now = ContinuousClock.now
    while let first = lane.waiting.first, first.due <= now {
      guard let written = TCP.write(lane.to, first.bytes) else { return close() }
      lane.waitingBytes -= written
      if written < first.bytes.count {
        lane.waiting[0].bytes = first.bytes.dropFirst(written)
        return
      }
      lane.waiting.removeFirst()
    }
    if lane.ended, lane.waiting.isEmpty, !lane.endPassedOn {
      shutdown(lane.to, Int32(SHUT_WR))
      lane.endPassedOn = true
    }
  }

  private func lane(_ direction: Direction, _ body: (inout Lane) -> Void) {
    switch direction {
    case .toServer: body(&toServer)
    case .toClient: body(&toClient)
    }
  }
}
