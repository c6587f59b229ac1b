import Logging
import Synchronization

/// The log of the program: files in LOG_DIR, or JSON lines on standard output (SPEC §16).
public final class Logs: Sendable {
  private let writer: LogWriter
  private let isJSON: Bool
  private let configured: Atomic<Int>
  private let debugging = Atomic(false)

  /// - Throws: if the thread that writes can't be started.
  public convenience init(_ settings: Settings) throws {
    switch settings.log.output {
    case .files:
      try self.init(
        .files(directory: settings.logDirectory, isSplit: settings.splitsLogs), level: settings.log.level)
    case .stdout:
      try self.init(.standardOutput, level: settings.log.level)
    }
  }

  init(_ target: LogWriter.Target, level: Settings.Log.Level) throws {
    if case .standardOutput = target { isJSON = true } else { isJSON = false }
    configured = Atomic(Self.position(level.loggerLevel))
    writer = try LogWriter(target)
  }

  /// A logger that writes here.
  public func logger(label: String) -> Logger { Logger(label: label) { Handler(logs: self, label: $0) } }

  /// What is logged at least; changes at run time count for all loggers at once.
  public var level: Logger.Level {
    debugging.load(ordering: .relaxed) ? .debug : Logger.Level.allCases[configured.load(ordering: .relaxed)]
  }

  /// Sets the level of the config file. Debug logging that was switched on stays on.
  public func setLevel(_ level: Settings.Log.Level) {
    configured.store(Self.position(level.loggerLevel), ordering: .relaxed)
  }

  /// Switches debug logging on or off (USR1).
  /// - Returns: whether it is on now.
  @discardableResult
  public func toggleDebug() -> Bool { !debugging.logicalXor(true, ordering: .relaxed).oldValue }

  /// Opens the log files anew (HUP).
  public func reopen() { writer.reopen() }

  /// Returns when all lines so far are written, at the latest after `limit`.
  public func flush(within limit: Duration = .seconds(5)) { writer.flush(within: limit) }

  /// Writes what waits and ends. Lines logged later are lost.
  public func close(within limit: Duration = .seconds(5)) { writer.close(within: limit) }

  private static func position(_ level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }

  private struct Handler: LogHandler {
    let logs: Logs
    let label: String
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private var own: Logger.Level?

    init(logs: Logs, label: String) {
      self.logs = logs
      self.label = label
    }

    var logLevel: Logger.Level {
      get { own ?? logs.level }
      set { own = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      var all = metadata
      if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
      if let more = event.metadata { all.merge(more) { _, new in new } }
      let time = Timestamp.now()
      let line =
        logs.isJSON
        ? LogLine.json(event, metadata: all, label: label, at: time)
        : LogLine.text(event, metadata: all, at: time)
      logs.writer.write(line, to: LogWriter.Channel(event.level))
    }
  }
}

extension Settings.Log.Level {
  var loggerLevel: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .warning: .warning
    case .error: .error
    }
  }
}
