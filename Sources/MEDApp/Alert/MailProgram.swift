import Glibc
import MEDCore
import MEDLoop

/// The local mail program: reads a mail, with its recipients in its header, from standard input.
///
/// It is started without a shell, with no descriptor but the three standard ones and little of the environment, which may
/// hold secrets. Blocks: for a thread of its own.
struct MailProgram {
  /// It is killed after that, with whatever it has started.
  static let limit = Duration.seconds(10)
  /// Of its output, more than is shown of it; the rest is thrown away.
  static let outputBytes = 900
  /// `-i`: a dot alone ends nothing. `-t`: recipients are in the header.
  static let arguments = ["-i", "-t"]

  private static let places = ["/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/sendmail"]
  private static let environment = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ"]

  private let path: String
  private let limit: Duration

  /// - Parameter gateway: `sendmail://`, or with the program's path behind it.
  /// - Returns: nil if no path is given and there is none in the usual places.
  init?(_ gateway: String, limit: Duration = MailProgram.limit) {
    let named = String(gateway.dropFirst(MailGateway.scheme.count))
    guard let path = named.isEmpty ? Self.places.first(where: { access($0, X_OK) == 0 }) : named else { return nil }
    self.path = path
    self.limit = limit
  }

  /// Starts it, gives it the mail, and waits for its end.
  /// - Parameter isCancelled: asked about ten times a second; if so it is killed.
  func send(_ mail: [UInt8], isCancelled: () -> Bool) -> AlertOutcome {
    do throws(SystemError) {
      var run = try MailRun(path, Self.arguments, Self.environment, mail)
      return run.finish(by: .now + limit, isCancelled: isCancelled)
    } catch {
      return .failed("\(path): \(error)")
    }
  }
}

/// One run of the mail program, from its start until it is reaped.
private struct MailRun {
  private let processID: pid_t
  private var input: Int32?
  private var output: Int32?
  private var mail: ArraySlice<UInt8>
  private var said: [UInt8] = []

  /// One at a time, so that no child gets another one's pipes, which then would never end.
  private static let starting = Locked(())

  init(_ program: String, _ arguments: [String], _ environment: [String], _ mail: [UInt8]) throws(SystemError) {
    let started = Self.starting.withLock { _ -> Result<Started, SystemError> in
      do throws(SystemError) {
        return .success(try Started([program] + arguments, environment))
      } catch {
        return .failure(error)
      }
    }
    let child = try started.get()
    (processID, input, output) = (child.processID, child.input, child.output)
    for descriptor in [child.input, child.output] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    self.mail = mail[...]
  }

  /// Waits for its end, which is soon after the deadline at the latest. It is always reaped.
  mutating func finish(by deadline: ContinuousClock.Instant, isCancelled: () -> Bool) -> AlertOutcome {
    defer { closeAll() }
    // A program that reads no further must not end this one.
    var pipe = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &pipe, nil)
    while true {
      if let status = reap(WNOHANG) {
        read()
        return outcome(status)
      }
      let isLate = ContinuousClock.now >= deadline
      guard !isLate, !isCancelled() else {
        closeAll()
        end()
        return .failed(isLate ? "the mail program took too long" : "the dispatcher stopped")
      }
      exchange()
    }
  }

  /// Kills it, with what it has started, and reaps it. One that can't be killed, as it belongs to another user by now or
  /// waits for a disk, is left to a thread of its own.
  private func end() {
    kill(-processID, SIGKILL)
    kill(processID, SIGKILL)
    for _ in 0..<100 {
      if reap(WNOHANG) != nil { return }
      poll(nil, 0, 10)
    }
    let processID = processID
    try? Thread.detached(named: "mail") {
      var status: Int32 = 0
      while waitpid(processID, &status, 0) < 0, errno == EINTR {}
    }
  }

  // MARK: -

  /// Waits a moment for either side; when both are closed, for its end.
  private mutating func exchange() {
    var sides: [pollfd] = []
    if let input { sides.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
    if let output { sides.append(pollfd(fd: output, events: Int16(POLLIN), revents: 0)) }
    poll(&sides, nfds_t(sides.count), sides.isEmpty ? 10 : 100)
    for side in sides where side.revents != 0 { if side.fd == output { read() } else { write() } }
  }

  private mutating func write() {
    guard let input else { return }
    let count = mail.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
    if count > 0 { mail = mail.dropFirst(count) }
    let isToWait = count < 0 && (errno == EAGAIN || errno == EINTR)
    guard mail.isEmpty || count <= 0 && !isToWait else { return }
    close(input)
    self.input = nil
  }

  private mutating func read() {
    guard let output else { return }
    var chunk = [UInt8](repeating: 0, count: 4096)
    // What it says without end is read as long as it runs, a chunk at a time.
    let count = Glibc.read(output, &chunk, chunk.count)
    if count > 0 {
      said += chunk[..<min(count, MailProgram.outputBytes - said.count)]
    } else if count == 0 || errno != EAGAIN && errno != EINTR {
      close(output)
      self.output = nil
    }
  }

  private func outcome(_ status: Int32) -> AlertOutcome {
    let signal = status & 0x7f
    guard signal != 0 || status != 0 else { return .delivered }
    let text = String(decoding: said, as: UTF8.self)
    return .failed(
      (signal == 0 ? "the mail program ended with \(status >> 8 & 0xff)" : "the mail program ended by signal \(signal)")
        + (text.isEmpty ? "" : ": \(quoted(text))"))
  }

  private func reap(_ options: Int32) -> Int32? {
    var status: Int32 = 0
    while true {
      let result = waitpid(processID, &status, options)
      if result == processID { return status }
      if result < 0, errno == EINTR { continue }
      return nil
    }
  }

  private mutating func closeAll() {
    if let input { close(input) }
    if let output { close(output) }
    input = nil
    output = nil
  }
}

/// A child that has just been started, and our ends of its pipes.
private struct Started {
  let processID: pid_t
  let input: Int32
  let output: Int32

  init(_ command: [String], _ environment: [String]) throws(SystemError) {
    let (theirInput, ourInput) = try Self.pipe()
    let ourOutput: Int32
    let theirOutput: Int32
    do throws(SystemError) {
      (ourOutput, theirOutput) = try Self.pipe()
    } catch {
      close(theirInput)
      close(ourInput)
      throw error
    }
    defer {
      close(theirInput)
      close(theirOutput)
    }
    do throws(SystemError) {
      processID = try Self.spawn(command, environment, input: theirInput, output: theirOutput)
    } catch {
      close(ourInput)
      close(ourOutput)
      throw error
    }
    (input, output) = (ourInput, ourOutput)
  }

  private static func pipe() throws(SystemError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard Glibc.pipe(&ends) == 0 else { throw SystemError("can't make a pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Descriptors beyond the standard ones that a child would get.
  private static func inherited() -> [Int32] {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var descriptors: [Int32] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)) {
          String(cString: $0)
        }
      }
      guard let descriptor = Int32(name), descriptor > STDERR_FILENO else { continue }
      let flags = fcntl(descriptor, F_GETFD)
      if flags >= 0, flags & FD_CLOEXEC == 0 { descriptors.append(descriptor) }
    }
    return descriptors
  }

  private static func spawn(
    _ command: [String], _ names: [String], input: Int32, output: Int32
  ) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    // Most are closed by themselves; a library's may not be.
    for descriptor in inherited() { posix_spawn_file_actions_addclose(&actions, descriptor) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
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
    let values = names.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
    var environment: [UnsafeMutablePointer<CChar>?] = values.map { strdup($0) } + [nil]
    defer { for text in arguments + environment { free(text) } }
    var processID: pid_t = 0
    let code = posix_spawn(&processID, command[0], &actions, &attributes, &arguments, &environment)
    guard code == 0 else { throw SystemError("it can't be started", code) }
    return processID
  }
}
