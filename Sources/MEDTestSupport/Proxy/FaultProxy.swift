import Glibc

/// A TCP proxy on 127.0.0.1 between a client under test and a real server, which breaks what the test tells it to.
///
/// Everything may be changed while it runs. Its port stays the same until the last reference goes.
/// ```
/// let proxy = try FaultProxy(to: server)
/// proxy.add(.cut(beforeForwarding: "INSERTED", .toClient))
/// ```
public final class FaultProxy: Sendable {
  public let port: UInt16
  private let thread: PollThread<ProxyState>
  private let server: BeanstalkdServer?

  /// `host:port` for the client's configuration.
  public var address: String { "127.0.0.1:\(port)" }

  /// - Parameter serverPort: on 127.0.0.1; connected to anew for each client.
  public convenience init(to serverPort: UInt16) throws { try self.init(port: serverPort, server: nil) }

  /// In front of that server, which lives at least as long as the proxy.
  public convenience init(to server: BeanstalkdServer) throws { try self.init(port: server.port, server: server) }

  private init(port serverPort: UInt16, server: BeanstalkdServer?) throws {
    self.server = server
    port = try FreePort.next()
    thread = try PollThread(ProxyState(listener: TCP.listen(port: port), port: port, serverPort: serverPort))
  }

  /// Applies a rule to the connections that there are and those that come. Returns what ``remove(_:)`` takes.
  ///
  /// Rules act on each piece in the order in which they were added.
  @discardableResult
  public func add(_ rule: ProxyRule) -> Int { thread.change { $0.add(rule) } }

  public func remove(_ rule: Int) { thread.change { $0.remove([rule]) } }

  /// Removes all rules; what they have held back or swallowed stays lost.
  public func removeAllRules() { thread.change { $0.remove(Array($0.rules.keys)) } }

  /// Cuts all connections now.
  public func cutAll() { thread.change { $0.cutAll() } }

  /// Nobody listens any more: connecting is refused. Existing connections go on.
  public func refuse() { thread.change { $0.stopListening() } }

  /// The opposite of ``refuse()``.
  public func accept() throws { try thread.change { try $0.startListening() } }

  /// Carries nothing and accepts nothing, but keeps everything open, as a frozen host does.
  public func pause() { thread.change { $0.isPaused = true } }

  public func resume() { thread.change { $0.isPaused = false } }

  /// Connections accepted so far.
  public var connections: Int { thread.change { $0.accepted } }

  public var openConnections: Int { thread.change { $0.links.count } }

  /// Connections that rules have cut so far.
  public var cuts: Int { thread.change { $0.cuts } }

  /// Bytes let through so far.
  public func bytes(_ direction: Direction) -> Int { thread.change { $0.bytes[direction, default: 0] } }
}

struct ProxyState: Polled {
  private var listener: Int32?
  private let port: UInt16
  private let serverPort: UInt16
  private var nextRule = 1
  private(set) var rules: [Int: ProxyRule] = [:]
  private(set) var links: [ProxyLink] = []
  var isPaused = false
  private(set) var accepted = 0
  private(set) var cuts = 0
  private(set) var bytes: [Direction: Int] = [:]

  init(listener: Int32, port: UInt16, serverPort: UInt16) {
    self.listener = listener
    self.port = port
    self.serverPort = serverPort
  }

  mutating func add(_ rule: ProxyRule) -> Int {
    defer { nextRule += 1 }
    rules[nextRule] = rule
    for link in links { link.add(rule, id: nextRule) }
    return nextRule
  }

  mutating func remove(_ ids: [Int]) {
    for id in ids { rules[id] = nil }
    for link in links { link.remove(rules: ids) }
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

  func interests(at now: ContinuousClock.Instant) -> [pollfd] {
    var sockets = links.flatMap { $0.interests(paused: isPaused, at: now) }
    if let listener, !isPaused { sockets.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0)) }
    return sockets
  }

  func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    isPaused ? nil : links.compactMap { $0.nextDue(after: now) }.min()
  }

  mutating func turn(_ ready: [pollfd]) {
    if isPaused { return }
    let readable = Set(ready.map(\.fd))
    for link in links {
      for rule in link.turn(readable, count: { bytes[$0, default: 0] += $1 }) {
        cuts += 1
        rules[rule]?.cutsLeft -= 1
        if rules[rule]?.cutsLeft == 0 { remove([rule]) }
      }
    }
    links.removeAll(where: \.isClosed)
    if let listener, readable.contains(listener) {
      while let client = TCP.accept(listener) { open(client) }
    }
  }

  mutating func cutAll() {
    for link in links { link.close() }
    links = []
  }

  mutating func close() {
    stopListening()
    cutAll()
  }

  private mutating func open(_ client: Int32) {
    accepted += 1
    guard let server = try? TCP.connect(port: serverPort, timeout: .seconds(5)) else {
      Glibc.close(client)
      return
    }
    TCP.setNonBlocking(server)
    let link = ProxyLink(client: client, server: server)
    for id in rules.keys.sorted() { rules[id].map { link.add($0, id: id) } }
    links.append(link)
  }
}
