import Glibc
import Logging

/// Where the lines end up. Used by the writer's thread alone.
struct LogSinks: ~Copyable {
  private let isStandardOutput: Bool
  private var debug: LogFile
  private var info: LogFile
  private var warn: LogFile
  private var error: LogFile
  private var checked = ContinuousClock.now
  /// Lines that were dropped and not told of in the log yet, and why the last ones were.
  private var lost = 0
  private var reason = ""
  /// It was said on standard error that lines are lost, and not yet in the log how many.
  private var isTold = false

  init(_ target: LogWriter.Target) {
    var directory = ""
    var isSplit = false
    if case .files(let path, let split) = target {
      directory = path
      isSplit = split
      isStandardOutput = false
    } else {
      isStandardOutput = true
    }
    debug = LogFile(directory: directory, name: "debug", isSplit: isSplit)
    info = LogFile(directory: directory, name: "info", isSplit: isSplit)
    warn = LogFile(directory: directory, name: "warn", isSplit: isSplit)
    error = LogFile(directory: directory, name: "error", isSplit: isSplit)
  }

  /// Whether there is nothing to look after while nothing is logged.
  var isIdle: Bool { lost == 0 && !debug.isOpen && !info.isOpen && !warn.isOpen && !error.isOpen }

  mutating func reopen() {
    debug.close()
    info.close()
    warn.close()
    error.close()
  }

  /// Lets go of files that were renamed or removed, and tells of lost lines if that is possible now.
  mutating func look() {
    checked = .now
    debug.closeIfMoved()
    info.closeIfMoved()
    warn.closeIfMoved()
    error.closeIfMoved()
    tellLost(at: .now())
  }

  mutating func write(_ pending: [[UInt8]], dropped: Int) {
    if dropped > 0 {
      lost += dropped
      reason = "the writer can't keep up"
    }
    let time = Timestamp.now()
    if ContinuousClock.now - checked >= LogWriter.checkInterval { look() }
    for channel in LogWriter.Channel.allCases where !pending[channel.rawValue].isEmpty {
      lost += write(pending[channel.rawValue], to: channel, at: time)
    }
  }

  /// Where there is room now and then, once a look is often enough.
  private mutating func tellLost(at time: Timestamp) {
    guard lost > 0, write(notice(at: time), to: .warn, at: time) == 0 else { return }
    lost = 0
    isTold = false
  }

  /// - Returns: how many lines could not be written.
  private mutating func write(_ lines: [UInt8], to channel: LogWriter.Channel, at time: Timestamp) -> Int {
    do throws(LogFile.Failure) {
      if isStandardOutput {
        try LogFile.append(lines, to: STDOUT_FILENO)
      } else {
        switch channel {
        case .debug: try debug.write(lines, at: time)
        case .info: try info.write(lines, at: time)
        case .warn: try warn.write(lines, at: time)
        case .error: try self.error.write(lines, at: time)
        }
      }
      return 0
    } catch {
      reason = error.cause.message
      // The log can't tell about itself: once to whoever reads standard error, until it works again.
      if !isTold { try? writeAll("medispatcher: log lines are lost: \(reason)\n".utf8, to: STDERR_FILENO) }
      isTold = true
      return error.lostLines
    }
  }

  private func notice(at time: Timestamp) -> [UInt8] {
    let event = LogEvent(
      level: .warning, message: "log lines were dropped", metadata: nil, source: "MEDApp", file: #fileID,
      function: #function, line: #line)
    let metadata: Logger.Metadata = ["dropped": "\(lost)", "reason": "\(reason)"]
    return isStandardOutput
      ? LogLine.json(event, metadata: metadata, label: "log", at: time)
      : LogLine.text(event, metadata: metadata, at: time)
  }
}
