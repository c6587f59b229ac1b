import Glibc

/// A beanstalkd of the test's own on 127.0.0.1, in a directory of its own; killed when the last reference goes.
public final class BeanstalkdServer: Sendable {
  public let port: UInt16
  public let process: ServerProcess
  private let directory: TemporaryDirectory

  /// `host:port`, as the configuration names it.
  public var address: String { "127.0.0.1:\(port)" }

  /// Starts one and waits until it accepts connections.
  /// - Parameters:
  ///   - binlog: keep jobs on disk (`-b`), so that they outlive ``crash()`` and ``restart()``.
  ///   - maxJobSize: bytes; `JOB_TOO_BIG` above it.
  ///   - extraArguments: for instance `["-f", "0"]`.
  public static func start(
    binlog: Bool = false, maxJobSize: Int = 1_048_576, extraArguments: [String] = []
  ) async throws -> BeanstalkdServer {
    let server = try BeanstalkdServer(binlog: binlog, maxJobSize: maxJobSize, extraArguments: extraArguments)
    try await server.waitUntilReady()
    return server
  }

  private init(binlog: Bool, maxJobSize: Int, extraArguments: [String]) throws {
    directory = try TemporaryDirectory("beanstalkd")
    port = try FreePort.next()
    let storage = binlog ? ["-b", directory.path] : []
    process = try ServerProcess(
      "beanstalkd", ["-l", "127.0.0.1", "-p", "\(port)", "-z", "\(maxJobSize)"] + storage + extraArguments)
  }

  /// A witness connected to it.
  public func client(timeout: Duration = .seconds(5)) throws -> PlainBeanstalk {
    try PlainBeanstalk(port: port, timeout: timeout)
  }

  /// Totals over all its tubes.
  public func jobs() throws -> JobTotals { try client().jobs() }

  /// Every job of every tube; see ``PlainBeanstalk/everyJob()``.
  public func everyJob() throws -> [PlainJob] { try client().everyJob() }

  /// Makes it answer DRAINING to every put, until its end.
  public func drain() async throws {
    process.signal(SIGUSR1)
    try await eventually("\(address) drains") { try client().stats()["draining"] == "true" }
  }

  /// KILL: the death of the server; ``start()`` brings it back.
  public func crash() async throws { try await process.crash() }

  public func stop() async throws { try await process.stop() }

  /// Starts it again on the same port and directory, after ``stop()`` or ``crash()``.
  public func start() async throws {
    try process.start()
    try await waitUntilReady()
  }

  /// Stops and starts it: a new instance `id`, job ids anew, and without a binlog no jobs.
  public func restart() async throws {
    try await stop()
    try await start()
  }

  private func waitUntilReady() async throws {
    try await process.waitUntilReady(within: .seconds(10)) { try !client().listTubes().isEmpty }
  }
}

/// How many jobs are in which state.
public struct JobTotals: Equatable, Sendable, CustomStringConvertible {
  public var ready = 0
  public var reserved = 0
  public var delayed = 0
  public var buried = 0

  public init(ready: Int = 0, reserved: Int = 0, delayed: Int = 0, buried: Int = 0) {
    self.ready = ready
    self.reserved = reserved
    self.delayed = delayed
    self.buried = buried
  }

  public var all: Int { ready + reserved + delayed + buried }

  public var description: String { "ready \(ready), reserved \(reserved), delayed \(delayed), buried \(buried)" }
}
