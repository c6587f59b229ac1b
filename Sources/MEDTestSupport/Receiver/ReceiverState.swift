import Glibc

/// All of a ``TestReceiver``'s state, driven by its thread.
struct ReceiverState: Polled {
  typealias Answering = @Sendable (ReceivedRequest) -> Answer

  /// Kept requests; later ones are only counted.
  static let recordLimit = 200_000

  private struct Path {
    var answering: Answering?
    var received = 0
    var inFlight = 0
    var maxInFlight = 0
  }

  private let port: UInt16
  private var listener: Int32?
  private var connections: [Int32: ReceiverConnection] = [:]
  private var paths: [String: Path] = [:]
  var fallback: Answering = { _ in .ok }
  var held: Set<String> = []
  private(set) var records: [ReceivedRequest] = []
  private(set) var received = 0
  private(set) var accepted = 0

  init(port: UInt16) throws {
    self.port = port
    listener = try TCP.listen(port: port)
  }

  var openConnections: Int { connections.count }

  func received(_ path: String) -> Int { paths[path]?.received ?? 0 }
  func inFlight(_ path: String) -> Int { paths[path]?.inFlight ?? 0 }
  func maxInFlight(_ path: String) -> Int { paths[path]?.maxInFlight ?? 0 }

  mutating func set(_ path: String, _ answering: @escaping Answering) {
    paths[path, default: Path()].answering = answering
  }

  mutating func forget() {
    records = []
    received = 0
    paths = paths.mapValues { path in
      Path(answering: path.answering, inFlight: path.inFlight, maxInFlight: path.inFlight)
    }
  }

  mutating func stopListening() {
    guard let listener else { return }
    // why: closing isn't enough while another thread polls the socket
    shutdown(listener, Int32(SHUT_RDWR))
    Glibc.close(listener)
    self.listener = nil
  }

  mutating func startListening() throws {
    if listener == nil { listener = try TCP.listen(port: port) }
  }

  mutating func closeConnections(idleOnly: Bool) {
    for connection in connections.values where !idleOnly || connection.pathInFlight == nil { drop(connection) }
  }

  // MARK: Polled

  func interests(at now: ContinuousClock.Instant) -> [pollfd] {
    var sockets = connections.values.compactMap { $0.interests(held: held, at: now) }
    if let listener { sockets.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0)) }
    return sockets
  }

  func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    connections.values.compactMap { $0.nextDue(held: held, after: now) }.min()
  }

  mutating func turn(_ ready: [pollfd]) {
    let readable = Set(ready.filter { Int32($0.revents) & ~Int32(POLLOUT) != 0 }.map(\.fd))
    for connection in connections.values {
      if readable.contains(connection.socket), !connection.read() {
        drop(connection)
      } else {
        serve(connection)
      }
    }
    if let listener, readable.contains(listener) {
      while let socket = TCP.accept(listener) {
        accepted += 1
        connections[socket] = ReceiverConnection(socket: socket, number: accepted)
      }
    }
  }

  mutating func close() {
    stopListening()
    closeConnections(idleOnly: false)
  }

  /// Takes requests and writes answers until one of them must wait.
  private mutating func serve(_ connection: ReceiverConnection) {
    while true {
      switch connection.nextRequest() {
      case .request(let request): take(request, from: connection)
      case .expectsContinue: connection.goOn()
      case .malformed: return drop(connection)
      case .incomplete: break
      }
      guard let path = connection.pathInFlight, connection.write(held: held) else { return }
      paths[path]?.inFlight -= 1
      if connection.isClosed { return drop(connection) }
    }
  }

  private mutating func take(_ request: RequestReader.Request, from connection: ReceiverConnection) {
    let parts = request.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(parts.first ?? "")
    var entry = paths[path, default: Path()]
    entry.received += 1
    entry.inFlight += 1
    entry.maxInFlight = max(entry.maxInFlight, entry.inFlight)
    paths[path] = entry
    let record = ReceivedRequest(
      method: request.method, path: path, query: parts.count > 1 ? FormDecoder.pairs(parts[1].utf8) : [],
      headers: request.headers, body: request.body, arrival: .now, connection: connection.number,
      number: entry.received)
    received += 1
    if records.count < Self.recordLimit { records.append(record) }
    let answer = (entry.answering ?? fallback)(record)
    let isLast = record.header("connection")?.lowercased() == "close"
    connection.begin(isLast ? answer.closing() : answer, path: path)
  }

  private mutating func drop(_ connection: ReceiverConnection) {
    if let path = connection.pathInFlight { paths[path]?.inFlight -= 1 }
    connections[connection.socket] = nil
    connection.close()
  }
}
