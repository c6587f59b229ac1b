import Glibc
import Logging
import MEDCore
import MEDLoop
import ServiceLifecycle

/// What the services of a dispatcher are made from.
public struct RunContext: Sendable {
  public let configuration: Configuration
  /// As they were at the start.
  public var settings: Settings { configuration.settings }
  /// As they are now, for what looks at them now and then; what must be told of changes registers with ``hooks``.
  public let live: LiveSettings
  public let logs: Logs
  public let logger: Logger
  /// Services that keep files open, or take changed settings while they run, register here.
  public let hooks: RunHooks
}

/// The life of `medispatcher`: directories, locks, log, signals, services, and the end of all that.
public struct DispatcherProcess: Sendable {
  /// Makes what runs. The services are started in this order and stopped in the reverse one.
  public typealias Assemble = @Sendable (RunContext) async throws -> [any Service]

  private let configuration: Configuration
  private let assemble: Assemble

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
    DescriptorLimit.raise()
    try prepareDirectories(settings)
    let pidFile = settings.pidFile.isEmpty ? nil : try PidFile(settings.pidFile, for: "PidFile")
    defer { pidFile?.release() }
    try Privileges.drop(to: settings.daemonUser, owned: OwnedDirectory.all(settings))
    let lock = try PidFile(settings.dataDirectory + "/medispatcher.lock", for: "DATA_DIR")
    // Held to the end: another instance may begin only when this one has written its last.
    defer { lock.release() }
    let logs = try Logs(settings)
    defer { logs.close() }
    let context = RunContext(
      configuration: configuration, live: LiveSettings(settings), logs: logs,
      logger: logs.logger(label: "medispatcher"), hooks: RunHooks())
    configuration.log(to: context.logger)
    let control = Control(context)
    try SignalThread.start { control.handle($0) }
    // The main thread has nothing to do but to wait: all work is on loops and threads of its own.
    return try runBlockingOnPool { await serve(context, control) }
  }

  private func prepareDirectories(_ settings: Settings) throws(SystemError) {
    if settings.log.output == .files { try Directories.prepare(settings.logDirectory, for: "LOG_DIR") }
    try Directories.prepare(settings.dataDirectory, for: "DATA_DIR")
    try Directories.prepare(settings.dropLogDirectory, for: "DropMessageLogDir")
  }

  private func serve(_ context: RunContext, _ control: Control) async -> ExitStatus {
    let logger = context.logger
    logger.info("starting", metadata: ["version": "\(BuildInformation.current)", "pid": "\(getpid())"])
    defer { control.end() }
    do {
      let services = try await assemble(context)
      var group = ServiceGroupConfiguration(
        services: services.map {
          .init(
            service: LimitedService($0) { control.limitStop() },
            failureTerminationBehavior: .gracefullyShutdownGroup)
        },
        logger: logger)
      // The group would end what still works by cancelling it; the limit is the process's.
      group.maximumGracefulShutdownDuration = nil
      let running = ServiceGroup(configuration: group)
      try control.reloader.start()
      control.stop.connect { Task { await running.triggerGracefulShutdown() } }
      try await running.run()
      logger.info("stopped")
      return .success
    } catch {
      logger.error("ended by an error", metadata: ["error": "\(error)"])
      try? writeAll("medispatcher: \(error)\n".utf8, to: STDERR_FILENO)
      return .failure
    }
  }
}

/// What signals do.
private final class Control: Sendable {
  let stop = StopSwitch()
  let reloader: Reloader
  private let context: RunContext
  private let limit: StopLimit

  init(_ context: RunContext) {
    self.context = context
    reloader = Reloader(
      context.configuration, environment: processEnvironment(), live: context.live, logs: context.logs,
      hooks: context.hooks, logger: context.logger)
    limit = StopLimit { limit in
      context.logger.error("the stop takes too long, ending at once", metadata: [LogKey.duration: "\(limit)"])
      context.logs.flush(within: .milliseconds(200))
      _exit(ExitStatus.failure.rawValue)
    }
  }

  func handle(_ event: SignalThread.Event) {
    switch event {
    case .stop:
      limitStop()
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
      reloader.request()
    case .toggleDebug:
      let isOn = context.logs.toggleDebug()
      context.logger.info("debug logging was switched", metadata: ["on": "\(isOn)"])
    }
  }

  /// From here on the process has as long as the settings in force give it.
  func limitStop() {
    reloader.stop()
    limit.begin(context.live.current.maximumProcessTime + StopLimit.margin)
  }

  func end() {
    reloader.stop()
    limit.cancel()
  }
}

/// A service whose failure, which stops all others, is bounded in time like a stop by a signal.
private struct LimitedService: Service {
  let service: any Service
  let failed: @Sendable () -> Void

  init(_ service: any Service, _ failed: @escaping @Sendable () -> Void) {
    self.service = service
    self.failed = failed
  }

  func run() async throws {
    do {
      try await service.run()
    } catch {
      failed()
      throw error
    }
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
