import Glibc
import Logging
import MEDLoop
import ServiceLifecycle

/// What the services of a dispatcher are made from.
public struct RunContext: Sendable {
  public let configuration: Configuration
  public var settings: Settings { configuration.settings }
  public let logs: Logs
  public let logger: Logger
  /// Services that keep files open register here to open them anew on HUP.
  public let hooks: RunHooks
}

/// What happens besides a stop.
public final class RunHooks: Sendable {
  private let reopeners = Locked<[@Sendable () -> Void]>([])

  /// `body` is called on each HUP, on the signal thread: it must not block.
  public func onReopen(_ body: @escaping @Sendable () -> Void) { reopeners.withLock { $0.append(body) } }

  func reopen() { for body in reopeners.withLock({ $0 }) { body() } }
}

/// The life of `medispatcher`: directories, locks, log, signals, services, and the end of all that.
public struct DispatcherProcess: Sendable {
  /// Makes what runs. The services are started in this order and stopped in the reverse one.
  public typealias Assemble = @Sendable (RunContext) async throws -> [any Service]

  private let configuration: Configuration
  private let assemble: Assemble

  /// After MaxMessageProcessTime, so long may the rest of a stop take.
  private static let stopMargin = Duration.seconds(15)

  public init(_ configuration: Configuration, assemble: @escaping Assemble) {
    self.configuration = configuration
    self.assemble = assemble
  }

  /// Runs until a signal stops it or a service fails. Blocks; call ``SignalThread/block()`` before.
  public func run() -> ExitStatus {
    do {
      return try runOrThrow()
    } catch {
      try? writeAll("medispatcher: \(error)\n".utf8, to: STDERR_FILENO)
      return .failure
    }
  }

  private func runOrThrow() throws -> ExitStatus {
    let settings = configuration.settings
    try prepareDirectories(settings)
    let pidFile = settings.pidFile.isEmpty ? nil : try PidFile(settings.pidFile)
    defer { pidFile?.release() }
    try Privileges.drop(
      to: settings.daemonUser, owned: [settings.logDirectory, settings.dataDirectory, settings.dropLogDirectory])
    let lock = try PidFile(settings.dataDirectory + "/medispatcher.lock")
    // Held to the end: another instance may begin only when this one has written its last.
    defer { lock.release() }
    let logs = try Logs(settings)
    defer { logs.close() }
    let context = RunContext(
      configuration: configuration, logs: logs, logger: logs.logger(label: "medispatcher"), hooks: RunHooks())
    for diagnostic in configuration.diagnostics { log(diagnostic, context.logger) }
    let stop = StopSwitch()
    try SignalThread.start { event in handle(event, context, stop) }
    // The main thread has nothing to do but to wait: all work is on loops and threads of its own.
    return try runBlocking { await serve(context, stop) }
  }

  private func prepareDirectories(_ settings: Settings) throws(SystemError) {
    if settings.log.output == .files { try Directories.prepare(settings.logDirectory, for: "LOG_DIR") }
    try Directories.prepare(settings.dataDirectory, for: "DATA_DIR")
    try Directories.prepare(settings.dropLogDirectory, for: "DropMessageLogDir")
  }

  private func serve(_ context: RunContext, _ stop: StopSwitch) async -> ExitStatus {
    let logger = context.logger
    logger.info("starting", metadata: ["version": "\(BuildInformation.current)", "pid": "\(getpid())"])
    do {
      let services = try await assemble(context)
      var group = ServiceGroupConfiguration(
        services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
        logger: logger)
      group.maximumGracefulShutdownDuration = context.settings.maximumProcessTime + Self.stopMargin
      let running = ServiceGroup(configuration: group)
      stop.connect { Task { await running.triggerGracefulShutdown() } }
      try await running.run()
      logger.info("stopped")
      return .success
    } catch {
      logger.error("ended by an error", metadata: ["error": "\(error)"])
      try? writeAll("medispatcher: \(error)\n".utf8, to: STDERR_FILENO)
      return .failure
    }
  }

  private func handle(_ event: SignalThread.Event, _ context: RunContext, _ stop: StopSwitch) {
    switch event {
    case .stop:
      guard stop.flip() else {
        context.logger.warning("ended by a second signal")
        context.logs.flush(within: .milliseconds(200))
        _exit(ExitStatus.failure.rawValue)
      }
      context.logger.info("stopping")
    case .reload:
      context.logs.reopen()
      context.hooks.reopen()
      context.logger.info("log files are opened anew")
    case .toggleDebug:
      let isOn = context.logs.toggleDebug()
      context.logger.info("debug logging was switched", metadata: ["on": "\(isOn)"])
    }
  }

  private func log(_ diagnostic: ConfigDiagnostic, _ logger: Logger) {
    let level: Logger.Level = diagnostic.severity == .info ? .debug : .warning
    logger.log(level: level, "config file", metadata: ["what": "\(diagnostic)"])
  }
}

/// Whether a stop was asked for, and what to do then; the asking may come before there is anything to stop.
private final class StopSwitch: Sendable {
  private struct State {
    var isOn = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Locked(State())

  /// - Returns: false if it was on already.
  func flip() -> Bool {
    let (isFirst, action) = state.withLock { state in
      defer { state.isOn = true }
      return (!state.isOn, state.action)
    }
    if isFirst { action?() }
    return isFirst
  }

  func connect(_ action: @escaping @Sendable () -> Void) {
    let isOn = state.withLock { state in
      state.action = action
      return state.isOn
    }
    if isOn { action() }
  }
}
