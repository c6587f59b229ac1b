import Glibc
import MEDLoop

/// A subscriber for tests and demonstrations: an HTTP/1.1 server on one thread that takes what comes and counts it.
///
/// Connections past ``Options/maximumConnections`` are hung up on.
public final class DemoReceiver: Sendable {
  public struct Options: Sendable {
    public var address = ListenAddress(host: "127.0.0.1", port: 0)
    /// Wait so long before each answer.
    public var delay = Duration.zero
    /// What a success is answered with.
    public var status = 200
    /// Every nth request of a path is answered with 500; 0: none.
    public var failEvery = 0
    /// The same for single paths.
    public var failEveryOfPath: [String: Int] = [:]
    /// At a time.
    public var maximumConnections = 2_000

    public init() {}
  }

  /// A message as it came, for showing.
  public struct Message: Sendable {
    public let path: String
    public let jobID: String
    public let retryTimes: Int
    /// The `message` field of a form, or the whole body.
    public let body: [UInt8]
    public let isAccepted: Bool
  }

  public let options: Options
  /// Where it listens.
  public let address: ListenAddress
  private let socket: Int32
  private let wake: Int32
  private let wakeEnd: Int32
  private let counters = Locked<[String: ReceiverCounters]>([:])
  private let thread = Locked<Thread?>(nil)

  /// Listens from now on; requests are answered after ``start(onMessage:)``.
  public init(_ options: Options) throws {
    self.options = options
    socket = try listenTCP(options.address)
    address = ListenAddress(host: options.address.host, port: localPort(of: socket))
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemError("can't make a pipe") }
    (wake, wakeEnd) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    close(socket)
    close(wake)
    close(wakeEnd)
  }

  /// - Parameter onMessage: called for each message, on the receiver's thread.
  public func start(onMessage: (@Sendable (Message) -> Void)? = nil) throws {
    try start(onMessage, script: nil)
  }

  /// Answers as `script` says; nothing is counted.
  package func start(script: any ReceiverScript) throws { try start(nil, script: script) }

  private func start(_ onMessage: (@Sendable (Message) -> Void)?, script: (any ReceiverScript)?) throws {
    let started = try Thread(named: "receiver") { [self] in
      let loop = ReceiverLoop(
        options, socket: socket, wake: wake, onMessage: onMessage, script: script,
        record: { [counters] path, seen, succeeds in
          counters.withLock { $0[path, default: ReceiverCounters()].record(seen, succeeds: succeeds) }
        })
      loop.run()
    }
    thread.withLock { $0 = started }
  }

  /// The counters of each path.
  public func snapshot() -> [String: ReceiverCounters] { counters.withLock { $0 } }

  /// Closes all connections and ends the thread.
  public func stop() {
    try? writeAll([1], to: wakeEnd)
    thread.withLock {
      $0?.join()
      $0 = nil
    }
  }
}
