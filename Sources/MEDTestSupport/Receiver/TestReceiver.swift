/// A subscriber: an HTTP/1.1 server on 127.0.0.1 with keep-alive, which answers as the test says and records what it got.
///
/// Unless told otherwise it answers every path with ``Answer/ok``. All may be changed while it runs. One thread serves
/// all connections; requests on one connection are answered in turn. A body without `Content-Length` closes the connection.
/// ```
/// let receiver = try TestReceiver()
/// receiver.on("/orders", inTurn: [.status(500), .hangUp, .ok])
/// try await receiver.waitFor(count: 3, on: "/orders")
/// #expect(receiver.requests("/orders").map { $0.field("retry_times") } == ["0", "1", "2"])
/// ```
public final class TestReceiver: Sendable {
  public let port: UInt16
  private let thread: PollThread<ReceiverState>

  /// Listens at once, on a port that stays the same until the last reference goes.
  public init() throws {
    port = try FreePort.next()
    thread = try PollThread(ReceiverState(port: port))
  }

  public func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

  // MARK: What it answers

  public func on(_ path: String, _ answer: Answer) { on(path) { _ in answer } }

  /// One answer after the other; the last one stays.
  public func on(_ path: String, inTurn answers: [Answer]) {
    let left = Locked(answers)
    on(path) { _ in
      left.withLock { $0.count > 1 ? $0.removeFirst() : $0.first ?? .ok }
    }
  }

  /// Decides for each request. Runs on the receiver's thread and must not call the receiver.
  public func on(_ path: String, _ decide: @escaping @Sendable (ReceivedRequest) -> Answer) {
    thread.change { $0.set(path, decide) }
  }

  /// The answer of all paths that have none of their own.
  public func onAnyOther(_ decide: @escaping @Sendable (ReceivedRequest) -> Answer) {
    thread.change { $0.fallback = decide }
  }

  /// Requests to `path` are recorded but get no answer until ``release(_:)``.
  public func hold(_ path: String) { thread.change { _ = $0.held.insert(path) } }

  public func release(_ path: String) { thread.change { _ = $0.held.remove(path) } }

  // MARK: Faults of the whole server

  /// Nobody listens any more and all connections are closed: connecting is refused.
  public func refuse() {
    thread.change {
      $0.stopListening()
      $0.closeConnections(idleOnly: false)
    }
  }

  /// The opposite of ``refuse()``, on the same port.
  public func accept() throws { try thread.change { try $0.startListening() } }

  /// Closes the connections that wait for a request, as a server's keep-alive time-out does.
  public func closeIdleConnections() { thread.change { $0.closeConnections(idleOnly: true) } }

  // MARK: What it has seen

  /// All requests in the order of their arrival; the first 200,000 are kept.
  public var requests: [ReceivedRequest] { thread.change { $0.records } }

  public func requests(_ path: String) -> [ReceivedRequest] { requests.filter { $0.path == path } }

  /// Requests received, all or those of one path; every one counts.
  public func count(_ path: String? = nil) -> Int {
    thread.change { state in path.map { state.received($0) } ?? state.received }
  }

  /// Requests to `path` that aren't answered to their end.
  public func inFlight(_ path: String) -> Int { thread.change { $0.inFlight(path) } }

  /// The most that were in flight at one time.
  public func maxInFlight(_ path: String) -> Int { thread.change { $0.maxInFlight(path) } }

  /// Connections accepted so far.
  public var connections: Int { thread.change { $0.accepted } }

  public var openConnections: Int { thread.change { $0.openConnections } }

  /// Forgets requests and counts; answers and connections stay.
  public func forget() { thread.change { $0.forget() } }

  /// Waits until at least `count` requests have come, to `path` or in all.
  /// - Returns: those requests.
  @discardableResult
  public func waitFor(
    count: Int, on path: String? = nil, within limit: Duration = .seconds(10), file: StaticString = #fileID,
    line: Int = #line
  ) async throws -> [ReceivedRequest] {
    let claim = "\(count) requests\(path.map { " to \($0)" } ?? "") arrive"
    do {
      try await eventually(claim, within: limit, file: file, line: line) { self.count(path) >= count }
    } catch let error as NeverHappened {
      throw NeverHappened(description: "\(error.description), \(self.count(path)) did")
    }
    return path.map { requests($0) } ?? requests
  }
}
