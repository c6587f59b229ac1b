import Glibc

/// The thread of a ``DemoReceiver``: poll(2) over all connections, which are few (senders keep them alive).
final class ReceiverLoop {
  final class Connection {
    let descriptor: Int32
    var input: [UInt8] = []
    var output: [UInt8] = []
    /// Where it stands in ``ReceiverLoop/connections``.
    var position = 0
    var endsAfterOutput = false
    var isClosed = false
    /// The path of the last request: clients that stay with one path cost no new string.
    var pathBytes: [UInt8] = []
    var path = ""
    /// What a script has accepted, until its answer is out.
    var accepted: DemoReceiver.Message?

    init(_ descriptor: Int32) { self.descriptor = descriptor }
  }

  private let options: DemoReceiver.Options
  private let socket: Int32
  private let wake: Int32
  private let onMessage: ((DemoReceiver.Message) -> Void)?
  private let script: (any ReceiverScript)?
  private let record: (String, SeenRequest, Bool) -> Void
  private var connections: [Connection] = []
  /// The socket, the wake-up, then one for each connection, in the same order.
  private var polled: [pollfd]
  private var requestsOfPath: [String: Int] = [:]
  /// Answers that wait for their delay; all have the same, so the first is due first.
  private var delayed: [(due: Int64, connection: Connection, answer: [UInt8])] = []
  private var delayedStart = 0
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  let success: [UInt8]
  let failure: [UInt8]

  init(
    _ options: DemoReceiver.Options, socket: Int32, wake: Int32, onMessage: ((DemoReceiver.Message) -> Void)?,
    script: (any ReceiverScript)? = nil, record: @escaping (String, SeenRequest, Bool) -> Void
  ) {
    self.options = options
    self.socket = socket
    self.wake = wake
    self.onMessage = onMessage
    self.script = script
    self.record = record
    polled = [socket, wake].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    success = Self.answer(options.status, #"{"status":1}"#)
    failure = Self.answer(500, #"{"status":0,"reason":"failing on purpose"}"#)
  }

  func run() {
    while true {
      let count = poll(&polled, nfds_t(polled.count), timeout())
      if count < 0, errno != EINTR { break }
      if polled[1].revents != 0 { break }
      // From the end: a connection that ends is replaced by the last one, which has had its turn.
      for position in connections.indices.reversed() {
        let events = Int32(polled[position + 2].revents)
        let connection = connections[position]
        if events & POLLOUT != 0 { flush(connection) }
        if events & ~POLLOUT != 0, !connection.isClosed { receive(connection) }
      }
      if polled[0].revents != 0 { accept() }
      sendDelayed()
    }
    for connection in connections { end(connection) }
  }

  // MARK: Connections

  private func accept() {
    while true {
      let descriptor = Glibc.accept(socket, nil, nil)
      guard descriptor >= 0 else { return }
      guard connections.count < options.maximumConnections else {
        close(descriptor)
        continue
      }
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      var on: Int32 = 1
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      let connection = Connection(descriptor)
      connection.position = connections.count
      connections.append(connection)
      polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    }
  }

  private func receive(_ connection: Connection) {
    let count = read(connection.descriptor, &buffer, buffer.count)
    guard count > 0 else {
      if count == 0 || (errno != EAGAIN && errno != EINTR) { end(connection) }
      return
    }
    if connection.input.isEmpty {
      // The usual case: whole requests, handled where they were read.
      let used = buffer.withUnsafeBytes { handle(UnsafeRawBufferPointer(rebasing: $0[..<count]), connection) }
      if used < count, !connection.isClosed { connection.input.append(contentsOf: buffer[used..<count]) }
    } else {
      connection.input.append(contentsOf: buffer[..<count])
      let used = connection.input.withUnsafeBytes { handle($0, connection) }
      connection.input.removeFirst(used)
    }
    flush(connection)
  }

  /// - Returns: how many bytes were requests.
  private func handle(_ bytes: UnsafeRawBufferPointer, _ connection: Connection) -> Int {
    var position = 0
    while position < bytes.count, !connection.endsAfterOutput {
      switch ReceivedRequest.parse(bytes, from: position) {
      case .incomplete: return position
      case .wantsContinue:
        connection.output += "HTTP/1.1 100 Continue\r\n\r\n".utf8
        return position
      case .malformed(let status):
        connection.output += Self.answer(status, "")
        connection.endsAfterOutput = true
        return bytes.count
      case .complete(let request):
        answer(request, bytes, connection)
        position = request.end
      }
    }
    return connection.endsAfterOutput ? bytes.count : position
  }

  private func answer(_ request: ReceivedRequest, _ bytes: UnsafeRawBufferPointer, _ connection: Connection) {
    let path = UnsafeRawBufferPointer(rebasing: bytes[request.path])
    if !connection.pathBytes.elementsEqual(path) {
      connection.pathBytes = Array(path)
      connection.path = String(decoding: path, as: UTF8.self)
    }
    let seen = SeenRequest(request, in: bytes, arrivedMicroseconds: Timestamp.now().microseconds)
    if let script {
      let message = message(request, bytes, connection.path, seen, true)
      return perform(script.answer(to: message, isHeard: isHeard(connection)), to: message, on: connection)
    }
    let succeeds = decide(connection.path)
    record(connection.path, seen, succeeds)
    if let onMessage { onMessage(message(request, bytes, connection.path, seen, succeeds)) }
    if !request.isKeptAlive { connection.endsAfterOutput = options.delay == .zero }
    let answer = succeeds ? success : failure
    if options.delay == .zero {
      connection.output += answer
    } else {
      let due = Timestamp.now().microseconds + Self.microseconds(options.delay)
      delayed.append((due, connection, answer))
    }
  }

  /// Whether this request of the path is answered with success.
  private func decide(_ path: String) -> Bool {
    guard options.failEvery > 0 || !options.failEveryOfPath.isEmpty else { return true }
    let every = options.failEveryOfPath[path] ?? options.failEvery
    guard every > 0 else { return true }
    let number = requestsOfPath[path, default: 0] + 1
    // Paths come from outside: what is remembered about them is bounded.
    if requestsOfPath.count < 10_000 || requestsOfPath[path] != nil { requestsOfPath[path] = number }
    return number % every != 0
  }

  private func message(
    _ request: ReceivedRequest, _ bytes: UnsafeRawBufferPointer, _ path: String, _ seen: SeenRequest, _ accepted: Bool
  ) -> DemoReceiver.Message {
    let query = min(request.path.upperBound + 1, request.target.upperBound)..<request.target.upperBound
    let job = FormFields.range(of: "jobid", in: bytes, query).map { FormFields.decode(bytes, $0) } ?? []
    let body =
      FormFields.range(of: "message", in: bytes, request.body).map { FormFields.decode(bytes, $0) }
      ?? Array(bytes[request.body])
    return DemoReceiver.Message(
      path: path, jobID: String(decoding: job, as: UTF8.self), retryTimes: seen.retryTimes, body: body,
      isAccepted: accepted)
  }

  // MARK: Output

  private func flush(_ connection: Connection) {
    guard !connection.isClosed else { return }
    if !connection.output.isEmpty {
      let count = send(connection.descriptor, connection.output, connection.output.count, Int32(MSG_NOSIGNAL))
      if count < 0, errno != EAGAIN, errno != EINTR { return end(connection) }
      if count == connection.output.count {
        connection.output.removeAll(keepingCapacity: true)
      } else if count > 0 {
        connection.output.removeFirst(count)
      }
    }
    if connection.output.isEmpty {
      if let script, let message = connection.accepted.take(), isHeard(connection) { script.answered(message) }
      if connection.endsAfterOutput { return end(connection) }
    }
    // Who doesn't read the answers isn't read from either: the output stays bounded.
    polled[connection.position + 2].events = Int16(connection.output.isEmpty ? POLLIN : POLLOUT)
  }

  private func sendDelayed() {
    guard delayedStart < delayed.count else { return }
    let now = Timestamp.now().microseconds
    while delayedStart < delayed.count, delayed[delayedStart].due <= now {
      let (_, connection, answer) = delayed[delayedStart]
      delayedStart += 1
      guard !connection.isClosed else { continue }
      connection.output += answer
      flush(connection)
    }
    if delayedStart == delayed.count || delayedStart > 4096 {
      delayed.removeFirst(delayedStart)
      delayedStart = 0
    }
  }

  private func timeout() -> Int32 {
    guard delayedStart < delayed.count else { return -1 }
    let left = delayed[delayedStart].due - Timestamp.now().microseconds
    return Int32(clamping: max(0, (left + 999) / 1000))
  }

  private func end(_ connection: Connection) {
    guard !connection.isClosed else { return }
    connection.isClosed = true
    close(connection.descriptor)
    let last = connections.removeLast()
    let lastPolled = polled.removeLast()
    guard last !== connection else { return }
    last.position = connection.position
    connections[connection.position] = last
    polled[connection.position + 2] = lastPolled
  }

  private static func answer(_ status: Int, _ body: String) -> [UInt8] {
    Array(
      "HTTP/1.1 \(status) -\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8
    )
  }

  private static func microseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
  }
}
