import Foundation

/// How a process ended.
public enum ExitStatus: Equatable, Sendable {
  case code(Int32)
  case signal(Int32)
}

/// A child process of the test: started, signalled, stopped and started again, never outliving the tests.
///
/// Its output goes to a file; ``ServerOutputTrait`` prints the end of it when the test that started it fails.
/// It is killed when the last reference goes.
public final class ServerProcess: Sendable {
  public let name: String
  public let binary: String
  public let arguments: [String]
  private let environment: [String: String]
  private let directory: TemporaryDirectory
  private let workingDirectory: String
  private let child: Locked<Child>

  private struct Child {
    var pid: pid_t = 0
    var status: ExitStatus?
  }

  /// Starts `binary` at once; whether it is ready is for the caller to find out.
  /// - Parameters:
  ///   - binary: absolute path, or a name that is looked up in PATH and the sbin directories.
  ///   - environment: added to this process's own.
  ///   - workingDirectory: where it runs; a directory of its own by default.
  public init(
    _ binary: String, _ arguments: [String] = [], environment: [String: String] = [:], workingDirectory: String? = nil
  ) throws {
    self.binary = binary.hasPrefix("/") ? binary : try InstalledBinary.path(binary)
    self.arguments = arguments
    self.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    name = URL(fileURLWithPath: binary).lastPathComponent
    directory = try TemporaryDirectory(name)
    self.workingDirectory = workingDirectory ?? directory.path
    child = Locked(Child())
    try start()
    RunningServers.add(self)
  }

  deinit {
    signal(SIGKILL)
    child.withLock { child in
      guard child.status == nil, child.pid > 0 else { return }
      var raw: Int32 = 0
      while waitpid(child.pid, &raw, 0) < 0, errno == EINTR {}
    }
  }

  public var pid: pid_t { child.withLock { $0.pid } }

  /// How the process ended; nil while it runs.
  public var exitStatus: ExitStatus? { child.withLock { Self.reap(&$0) } }

  public var isRunning: Bool { exitStatus == nil }

  /// Standard output and error of all its runs so far.
  public var output: String { directory.read("output") }

  /// Sends a signal; false if the process has ended.
  @discardableResult
  public func signal(_ number: Int32) -> Bool {
    child.withLock { child in
      // why: under the lock nobody else reaps it, so the pid can't belong to a stranger
      guard child.pid > 0, Self.reap(&child) == nil else { return false }
      return kill(child.pid, number) == 0
    }
  }

  /// Stops it in its tracks: connections stay open, nothing is answered.
  public func pause() {
    guard signal(SIGSTOP) else { return }
    // why: on a busy machine its other threads may run on until the one that takes the signal has its turn
    let deadline = MonotonicDeadline(in: .seconds(10))
    while !isStopped, !deadline.hasPassed { usleep(1000) }
  }

  private var isStopped: Bool {
    let tasks = "/proc/\(pid)/task"
    return ((try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []).allSatisfy { task in
      // The state comes after the name, which stands in parentheses.
      guard let line = try? String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8) else { return true }
      return line.split(separator: ")").last?.split(separator: " ").first == "T"
    }
  }

  public func resume() { signal(SIGCONT) }

  /// Waits for the end that something else brings about.
  @discardableResult
  public func waitForExit(within limit: Duration = .seconds(10)) async throws -> ExitStatus {
    do {
      try await eventually("\(name) (pid \(pid)) ends", within: limit) { !isRunning }
    } catch let error as NeverHappened {
      throw NeverHappened(description: "\(error.description)\n\(report)")
    }
    return exitStatus ?? .code(-1)
  }

  /// TERM, and KILL if that doesn't help in time.
  @discardableResult
  public func stop(within limit: Duration = .seconds(10)) async throws -> ExitStatus {
    signal(SIGTERM)
    resume()
    let deadline = MonotonicDeadline(in: limit)
    while isRunning, !deadline.hasPassed { try? await Task.sleep(for: .milliseconds(2)) }
    signal(SIGKILL)
    return try await waitForExit()
  }

  /// KILL, as a crash or a power cut of the process would be.
  public func crash() async throws {
    signal(SIGKILL)
    try await waitForExit()
  }

  /// Starts it again after its end: same arguments, same directory.
  public func start() throws {
    try child.withLock { child in
      guard child.pid == 0 || Self.reap(&child) != nil else { return }
      child.pid = try Spawner.spawn(
        binary, arguments, environment: environment, directory: workingDirectory,
        output: directory.file("output"), errors: directory.file("output"))
      child.status = nil
    }
  }

  public func restart() async throws {
    try await stop()
    try start()
  }

  /// The last 4 KiB of its output, headed by how it is.
  public var report: String {
    let state = exitStatus.map { "ended with \($0)" } ?? "running as \(pid)"
    return "--- \(name) \(arguments.joined(separator: " ")): \(state), output:\n\(output.suffix(4096))\n---"
  }

  /// Waits until `ready` holds; fails early, with the output, if the process ends before.
  func waitUntilReady(within limit: Duration, _ ready: () async throws -> Bool) async throws {
    var ended = false
    do {
      try await eventually("\(name) is ready", within: limit) {
        ended = !isRunning
        if ended { return true }
        return try await ready()
      }
    } catch let error as NeverHappened {
      throw NeverHappened(description: "\(error.description)\n\(report)")
    }
    if ended { throw NeverHappened(description: "\(name) ended before it was ready\n\(report)") }
  }

  private static func reap(_ child: inout Child) -> ExitStatus? {
    guard child.status == nil, child.pid > 0 else { return child.status }
    var raw: Int32 = 0
    guard waitpid(child.pid, &raw, WNOHANG) == child.pid else { return nil }
    let signal = raw & 0x7f
    child.status = signal == 0 ? .code(raw >> 8 & 0xff) : .signal(signal)
    return child.status
  }
}
