import DequeModule
import Glibc
import MEDCore
import MEDLoop

/// Whoever uses a connection hears of its life here. Called on the loop, from within the connection's own work.
protocol ConnectionDelegate: AnyObject {
  func connectionOpened(_ connection: Connection)
  /// Nothing that was sent is unanswered any more.
  func connectionDrained(_ connection: Connection)
  /// Called once; everything that was expected has been abandoned by then.
  func connectionClosed(_ connection: Connection, _ error: BeanstalkError)
}

/// One TCP connection to a queue server, from connect to close. Confined to its loop.
///
/// Commands are appended to ``output`` and announced with ``expect(_:)``; ``flush()`` sends what has gathered. Answers are
/// read whatever the state of the sending side, since a server stops reading while its own output is blocked.
final class Connection: IOHandler {
  enum State { case connecting, open, closed }

  private(set) var state = State.connecting
  /// Commands that are to be sent. What is appended here must be announced with ``expect(_:)`` in the same order.
  var output = OutputBuffer()
  weak var delegate: (any ConnectionDelegate)?

  let loop: EventLoop
  let shared: ReadBuffer
  private let configuration: BeanstalkConfiguration
  let parser: ReplyParser
  let descriptor: Int32

  var expected: Deque<any Exchange> = []
  /// How many of `expected`, from the front, have been handed to the kernel or are on their way there.
  var sent = 0
  /// What is being written, and how much of it has been.
  private var sending = OutputBuffer()
  private var sendingOffset = 0
  /// The beginning of a reply whose end hasn't come yet, and how long it is at least.
  var leftover: [UInt8] = []
  var needed = 0
  var lastProgress: ContinuousClock.Instant
  private var timer: LoopTimer?
  /// ``flush()`` was called, and the kernel is still busy with what went before.
  private var isFlushDue = false
  private var wantsWritable = true

  /// Jobs that it has reserved and that are ours for as long as it lives.
  var jobsHeld = 0 {
    didSet { if jobsHeld == 0, oldValue > 0 { onNothingHeld?() } }
  }
  var onNothingHeld: (() -> Void)?

  /// Set by an exchange that has appended commands which must leave with this read, not at the end of the turn.
  var isAnswering = false

  /// Begins to connect; the delegate hears how it ends.
  init(
    to address: SocketAddress, loop: EventLoop, shared: ReadBuffer, configuration: BeanstalkConfiguration,
    delegate: any ConnectionDelegate
  ) throws {
    self.loop = loop
    self.shared = shared
    self.configuration = configuration
    self.delegate = delegate
    parser = ReplyParser(maximumBody: configuration.maximumReplyBody)
    lastProgress = loop.now
    descriptor = try Socket.connecting(to: address)
    do {
      try loop.add(descriptor, events: [.writable], handler: self)
    } catch {
      state = .closed
      Socket.close(descriptor)
      throw error
    }
    timer = loop.schedule(after: configuration.connectTimeout) { [weak self] in
      self?.close(BeanstalkError(.unreachable, "no connection within \(configuration.connectTimeout)"))
    }
  }

  var isOpen: Bool { state == .open }
  /// Whether something that was sent is unanswered.
  var isAwaiting: Bool { sent > 0 }
  /// Whether anything at all is unanswered or unsent.
  var isIdle: Bool { expected.isEmpty }
  var outputLimit: Int { configuration.outputLimit }
  /// Bytes that the kernel hasn't taken yet.
  var unsentBytes: Int { output.count + sending.count - sendingOffset }

  // MARK: Asking

  func expect(_ exchange: any Exchange) {
    expected.append(exchange)
  }

  /// Sends what has gathered, as far as the kernel takes it; the rest follows by itself.
  func flush() {
    guard state == .open, !output.isEmpty else { return }
    if sent == 0 { lastProgress = ContinuousClock.now }
    sent = expected.count
    isFlushDue = true
    if sendingOffset == sending.count { write() }
    if timer == nil, state == .open { setReplyTimer() }
  }

  /// Asks, and waits for one answer to each command.
  func ask(_ commands: Command...) async throws(BeanstalkError) -> [Answer] {
    try await ask(commands)
  }

  func ask(_ commands: [Command]) async throws(BeanstalkError) -> [Answer] {
    if commands.isEmpty { return [] }
    let result = await withUnsafeContinuation { continuation in
      let exchange = AnswersExchange(commands.count, continuation)
      guard state == .open else { return exchange.abandon(BeanstalkError(.unreachable, "not connected")) }
      for command in commands { output.append(command) }
      expect(exchange)
      flush()
    }
    return try result.get()
  }

  // MARK: Ending

  func close(_ error: BeanstalkError) {
    guard state != .closed else { return }
    state = .closed
    timer?.cancel()
    timer = nil
    abandonDescriptor()
    let abandoned = expected
    expected = []
    sent = 0
    for exchange in abandoned { exchange.abandon(error) }
    delegate?.connectionClosed(self, error)
    delegate = nil
  }

  /// For deinits, which come on any thread.
  func closeFromAnywhere() {
    nonisolated(unsafe) let connection = self  // why: only carried to its loop
    loop.submit { connection.close(BeanstalkError(.closed, "nobody uses the connection any more")) }
  }

  private func abandonDescriptor() {
    loop.remove(descriptor)
    Socket.close(descriptor)
  }

  func violation(_ what: String) {
    close(BeanstalkError(.protocolViolation, what))
  }

  // MARK: Events

  func handle(_ events: IOEvents, on descriptor: Int32) {
    // The delegate may let go of the connection meanwhile.
    withExtendedLifetime(self) {
      switch state {
      case .closed: return
      case .connecting: finishConnecting()
      case .open:
        if events.contains(.writable), sendingOffset < sending.count { write() }
        if state == .open, !events.isDisjoint(with: [.readable, .hungUp, .failed]) { read() }
      }
    }
  }

  private func finishConnecting() {
    let code = Socket.pendingError(descriptor)
    guard code == 0 else {
      let cause = SystemError(call: "connect", code: code)
      return close(BeanstalkError(.unreachable, "\(cause)", cause: cause))
    }
    timer?.cancel()
    timer = nil
    state = .open
    wantWritable(false)
    guard state == .open else { return }
    delegate?.connectionOpened(self)
  }

  private func write() {
    while true {
      if sendingOffset == sending.count {
        sending.removeAll()
        sendingOffset = 0
        guard isFlushDue else { break }
        isFlushDue = false
        sent = expected.count
        swap(&sending, &output)
      }
      let result = sending.bytes.withUnsafeBytes { Socket.write(descriptor, .init(rebasing: $0[sendingOffset...])) }
      switch result {
      case .bytes(let count): sendingOffset += count
      case .wouldBlock: return wantWritable(true)
      case .endOfStream: return close(BeanstalkError(.connectionLost, "nothing could be sent"))
      case .failed(let code): return lost(SystemError(call: "send", code: code))
      }
    }
    wantWritable(false)
  }

  private func wantWritable(_ wanted: Bool) {
    guard wanted != wantsWritable else { return }
    wantsWritable = wanted
    do throws(LoopError) {
      try loop.setInterest(wanted ? [.readable, .writable] : [.readable], of: descriptor)
    } catch {
      close(BeanstalkError(.connectionLost, "\(error)", cause: error))
    }
  }

  func lost(_ cause: SystemError) {
    close(BeanstalkError(.connectionLost, "\(cause)", cause: cause))
  }

  // MARK: Time

  private func setReplyTimer() {
    let deadline = max(lastProgress, loop.now) + configuration.replyTimeout
    timer = loop.schedule(at: deadline) { [weak self] in self?.checkProgress() }
  }

  private func checkProgress() {
    timer = nil
    guard state == .open, sent > 0, let first = expected.first else { return }
    if first.mayBlock { return setReplyTimer() }
    if lastProgress + configuration.replyTimeout > loop.now {
      timer = loop.schedule(at: lastProgress + configuration.replyTimeout) { [weak self] in self?.checkProgress() }
      return
    }
    close(BeanstalkError(.timedOut, "no answer within \(configuration.replyTimeout)"))
  }
}
