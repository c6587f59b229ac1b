import Glibc
import Logging
import MEDCore
import MEDLoop

/// Reads the config file anew on HUP, and when it has changed, and puts in force what can be reloaded live (SPEC §16).
///
/// A thread of its own looks at the file once a second: a look is one `stat`, which finds everything (written in place,
/// renamed over, a symbolic link turned elsewhere, on whatever file system), and a file that hangs holds up nothing else.
/// A file that can't be used is reported once, and the settings in force stay.
final class Reloader: Sendable {
  static let interval = Duration.seconds(1)

  private struct Requests {
    var isAsked = false
    var isStopped = false
  }

  private let requests = Monitor(Requests())
  private let started: Configuration
  private let environment: [String: String]
  private let live: LiveSettings
  private let logs: Logs
  private let hooks: RunHooks
  private let logger: Logger

  init(
    _ started: Configuration, environment: [String: String], live: LiveSettings, logs: Logs, hooks: RunHooks,
    logger: Logger
  ) {
    self.started = started
    self.environment = environment
    self.live = live
    self.logs = logs
    self.hooks = hooks
    self.logger = logger
  }

  /// Begins to watch. What was asked for before is done now.
  /// - Throws: if the system has no thread to give.
  func start() throws(SystemError) {
    try Thread.detached(named: "config") { [self] in run() }
  }

  /// Reads the file now, whether it has changed or not (HUP).
  func request() {
    requests.withLock { $0.isAsked = true }
    requests.signal()
  }

  /// Reads nothing more.
  func stop() {
    requests.withLock { $0.isStopped = true }
    requests.signal()
  }

  // MARK: On the thread

  /// What was reported last, so that nothing is said twice.
  private struct Told {
    var diagnostics: [ConfigDiagnostic]
    var needRestart: [String] = []
    var isRefused = false
  }

  private func run() {
    var watch = ConfigWatch()
    var told = Told(diagnostics: started.diagnostics)
    while true {
      let isAsked = requests.wait(atMost: Self.interval) { state -> Bool? in
        guard state.isAsked || state.isStopped else { return nil }
        defer { state.isAsked = false }
        return !state.isStopped
      }
      switch isAsked {
      case false: return
      case true: read(&watch, &told, isAsked: true)
      case nil:
        switch watch.look(ConfigWatch.Sight(of: started.path)) {
        case .nothing: break
        case .read: read(&watch, &told, isAsked: false)
        case .tellMissing(let number):
          logger.warning(
            "config file can't be found, the settings in force stay",
            metadata: [LogKey.path: "\(started.path)", LogKey.reason: "\(String(cString: strerror(number)))"])
        }
      }
    }
  }

  private func read(_ watch: inout ConfigWatch, _ told: inout Told, isAsked: Bool) {
    let before = ConfigWatch.Sight(of: started.path)
    let result = Result { () throws(ConfigurationError) in
      try Configuration.load(started.path, environment: environment)
    }
    guard before == ConfigWatch.Sight(of: started.path) else {
      watch.changedMeanwhile()
      // Whoever asked by HUP gets it with one of the next looks.
      return
    }
    watch.wasRead(before)
    switch result {
    case .failure(let error): refuse(error, &told, isAsked)
    case .success(let configuration): take(configuration, &told, isAsked)
    }
  }

  private func refuse(_ error: ConfigurationError, _ told: inout Told, _ isAsked: Bool) {
    guard isAsked || told.diagnostics != error.diagnostics else { return }
    told.diagnostics = error.diagnostics
    told.isRefused = true
    let errors = error.diagnostics.filter { $0.severity == .error }
    for diagnostic in errors.prefix(ConfigDiagnostic.mostTold) {
      logger.error("config file can't be used, the settings in force stay", metadata: ["what": "\(diagnostic)"])
    }
    if errors.count > ConfigDiagnostic.mostTold {
      logger.error(
        "config file has more errors", metadata: [LogKey.count: "\(errors.count - ConfigDiagnostic.mostTold)"])
    }
  }

  private func take(_ configuration: Configuration, _ told: inout Told, _ isAsked: Bool) {
    let before = live.current
    let plan = ReloadPlan(configuration.settings, over: before)
    live.current = plan.settings
    hooks.reload(plan.settings)
    // Said while the more talkative of the two levels is in force.
    let level = plan.settings.log.level
    logs.setLevel(level.loggerLevel < before.log.level.loggerLevel ? level : before.log.level)
    if told.diagnostics != configuration.diagnostics {
      told.diagnostics = configuration.diagnostics
      configuration.log(to: logger)
    }
    tell(plan, &told, isAsked)
    logs.setLevel(level)
  }

  private func tell(_ plan: ReloadPlan, _ told: inout Told, _ isAsked: Bool) {
    if !plan.live.isEmpty {
      logger.info(
        "config file was reloaded", metadata: ["changed": "\(plan.live.map(\.title).joined(separator: ", "))"])
    } else if isAsked || told.isRefused {
      logger.info("config file was read, nothing changed that is in force without a restart")
    }
    told.isRefused = false
    let keys = plan.needRestart.map(\.title)
    if !keys.isEmpty, isAsked || keys != told.needRestart {
      logger.warning(
        "changes of the config file need a restart", metadata: ["keys": "\(keys.joined(separator: ", "))"])
    }
    told.needRestart = keys
  }
}

extension Configuration {
  /// Logs what there is to tell about the file.
  func log(to logger: Logger) {
    for diagnostic in diagnostics.prefix(ConfigDiagnostic.mostTold) {
      let level: Logger.Level = diagnostic.severity == .info ? .debug : .warning
      logger.log(level: level, "config file", metadata: ["what": "\(diagnostic)"])
    }
    if diagnostics.count > ConfigDiagnostic.mostTold {
      logger.warning(
        "config file: there is more to tell, see --check-config",
        metadata: [LogKey.count: "\(diagnostics.count - ConfigDiagnostic.mostTold)"])
    }
  }
}
