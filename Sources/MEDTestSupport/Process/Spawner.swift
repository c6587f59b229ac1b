import Foundation

/// Starts child processes that die with this one.
///
/// `setpriv --pdeathsig KILL` arranges that. The kernel sends the signal when the *thread* that made the child ends, and
/// Swift's pool ends idle threads; so all children are made by one thread, which never ends.
enum Spawner {
  /// - Parameters:
  ///   - binary: absolute path.
  ///   - environment: the whole environment of the child.
  ///   - output: file that standard output is appended to; `errors` the same for standard error.
  ///   - input: file for standard input.
  static func spawn(
    _ binary: String, _ arguments: [String], environment: [String: String], directory: String,
    input: String = "/dev/null", output: String, errors: String
  ) throws -> pid_t {
    let setpriv = try InstalledBinary.path("setpriv")
    _ = manyFilesAllowed
    return try thread.run {
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
      if errors == output {
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
      } else {
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o644)
      }
      _ = try GNU.closeFrom()(&actions, 3)
      _ = try directory.withCString { try GNU.changeDirectory()(&actions, $0) }

      var attributes = posix_spawnattr_t()
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      // why: the runtime may block or ignore signals here that the child must see
      var none = sigset_t()
      sigemptyset(&none)
      var all = sigset_t()
      sigfillset(&all)
      posix_spawnattr_setsigmask(&attributes, &none)
      posix_spawnattr_setsigdefault(&attributes, &all)
      posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

      let words = ["setpriv", "--pdeathsig", "KILL", "--", binary] + arguments
      let argv = words.map { strdup($0) } + [nil]
      let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
      defer { for pointer in argv + envp { free(pointer) } }
      var pid: pid_t = 0
      let code = posix_spawn(&pid, setpriv, &actions, &attributes, argv, envp)
      guard code == 0 else { throw SystemError("start \(binary)", code: code) }
      return pid
    }
  }

  private static let thread = ForeverThread(name: "spawner")

  /// The soft limit of open files raised once, for this process and what it starts: thousands of sockets are usual.
  private static let manyFilesAllowed: Bool = {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = min(max(limit.rlim_cur, 65_536), limit.rlim_max)
    return setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
  }()
}

/// GNU's file actions, which the Glibc module hides because they need `_GNU_SOURCE`.
private enum GNU {
  typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
  typealias ChangeDirectory =
    @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32

  /// Without it servers inherit sockets that libraries opened, and these stay open when the test closes them.
  static func closeFrom() throws -> CloseFrom {
    unsafeBitCast(try find("posix_spawn_file_actions_addclosefrom_np"), to: CloseFrom.self)  // why: dlsym is untyped
  }

  static func changeDirectory() throws -> ChangeDirectory {
    unsafeBitCast(try find("posix_spawn_file_actions_addchdir_np"), to: ChangeDirectory.self)  // why: dlsym is untyped
  }

  private static func find(_ name: String) throws -> UnsafeMutableRawPointer {
    guard let symbol = dlsym(nil, name) else { throw Unexpected(description: "glibc 2.34 or later is needed: \(name)") }
    return symbol
  }
}

/// A thread that runs what it is given, one after the other, until the process ends.
private final class ForeverThread: Sendable {
  private let work = Locked<[@Sendable () -> Void]>([])
  private let available = DispatchSemaphore(value: 0)

  init(name: String) {
    let thread = Thread { [work, available] in
      while true {
        available.wait()
        work.withLock { $0.removeFirst() }()
      }
    }
    thread.name = name
    thread.start()
  }

  func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let result = Locked<Result<Value, any Error>?>(nil)
    let done = DispatchSemaphore(value: 0)
    work.withLock {
      $0.append {
        let value = Result { try body() }
        result.withLock { $0 = value }
        done.signal()
      }
    }
    available.signal()
    done.wait()
    guard let value = result.withLock({ $0 }) else { throw Unexpected(description: "the spawner gave no answer") }
    return try value.get()
  }
}
