import Glibc

/// A program started by a command line tool; it never outlives the tool.
package final class ChildProcess {
  let name: String
  package let processID: pid_t
  private var status: Int32?

  /// What it ended with, 128 and the number for a signal; nil while it runs.
  package var exitStatus: Int32? {
    guard !isRunning, let status else { return nil }
    let signal = status & 0x7f
    return signal == 0 ? status >> 8 & 0xff : 128 + signal
  }

  /// Starts `program` with its output in the file `log`, in a process group of its own: Ctrl-C reaches the tool alone,
  /// which then stops its children in order.
  ///
  /// The kernel sends the child `deathSignal` if the thread that started it goes away, so start it from the main thread.
  package init(
    _ program: String, _ arguments: [String], log: String, deathSignal: String = "TERM"
  ) throws(SystemError) {
    name = program.split(separator: "/").last.map(String.init) ?? program
    var command = [program] + arguments
    // Without setpriv a child only outlives a tool that is killed without a chance to clean up.
    if let setpriv = Self.find("setpriv") { command = [setpriv, "--pdeathsig", deathSignal] + command }
    processID = try Self.spawn(command, log: log)
  }

  /// Looks for a program in PATH.
  package static func find(_ name: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    let directories = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
    return directories.map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
  }

  /// Whether it runs; nil once it has ended.
  package var isRunning: Bool {
    guard status == nil else { return false }
    var value: Int32 = 0
    if waitpid(processID, &value, WNOHANG) == processID { status = value }
    return status == nil
  }

  /// Asks it to stop, and makes it stop after `limit`.
  package func stop(within limit: Duration) {
    let deadline = ContinuousClock.now + limit
    if isRunning { kill(processID, SIGTERM) }
    while isRunning, ContinuousClock.now < deadline { usleep(10_000) }
    guard isRunning else { return }
    kill(processID, SIGKILL)
    while isRunning { usleep(10_000) }
  }

  /// Sends a signal, unless it has ended.
  package func send(_ signal: Int32) {
    if isRunning { kill(processID, signal) }
  }

  /// Ends it as a crash would.
  package func crash() {
    send(SIGKILL)
    while isRunning { usleep(1_000) }
  }

  private static func spawn(_ command: [String], log: String) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The tool blocks the signals that it takes itself; the child must not inherit that.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var processID: pid_t = 0
    let code = posix_spawn(&processID, command[0], &actions, &attributes, &arguments, environ)
    guard code == 0 else { throw SystemError("can't start \(command[0])", code) }
    return processID
  }
}
