import Glibc
import Logging

/// Writes log lines on a thread of its own, so that a slow disk never holds up what is logged about.
///
/// At most ``maximumBytes`` wait; when they do, further lines are dropped and their number is logged once there is room.
final class LogWriter: Sendable {
  static let maximumBytes = 4 << 20
  /// A file that was renamed or removed is noticed so soon.
  static let checkInterval = Duration.milliseconds(500)

  enum Target: Sendable {
    case files(directory: String, isSplit: Bool)
    case standardOutput
  }

  /// Which file a line goes into.
  enum Channel: Int, CaseIterable, Sendable {
    case debug, info, warn, error

    init(_ level: Logger.Level) {
      switch level {
      case .trace, .debug: self = .debug
      case .info, .notice: self = .info
      case .warning: self = .warn
      case .error, .critical: self = .error
      }
    }
  }

  private struct State {
    var pending = Channel.allCases.map { _ in [UInt8]() }
    var pendingBytes = 0
    var dropped = 0
    var reopens = false
    var isClosing = false
    var isIdle = true
    var isDone = false
  }

  private let state = Monitor(State())
  private let target: Target

  /// - Throws: if the system has no thread to give.
  init(_ target: Target) throws(SystemError) {
    self.target = target
    _ = try Thread(named: "log") { [self] in run() }
  }

  func write(_ line: [UInt8], to channel: Channel) {
    let wakes = state.withLock { state in
      guard !state.isDone, state.pendingBytes + line.count <= Self.maximumBytes else {
        state.dropped += 1
        return false
      }
      state.pending[channel.rawValue] += line
      state.pendingBytes += line.count
      return state.isIdle
    }
    if wakes { state.signal() }
  }

  /// Bytes of lines that the thread hasn't taken yet.
  var waitingBytes: Int { state.withLock { $0.pendingBytes } }

  /// Opens the files anew before the next line.
  func reopen() {
    state.withLock { $0.reopens = true }
    state.signal()
  }

  /// Writes what waits and ends the thread; returns when that is done, at the latest after `limit`.
  func close(within limit: Duration = .seconds(5)) {
    state.withLock { $0.isClosing = true }
    state.signal()
    _ = state.wait(atMost: limit) { $0.isDone ? true : nil }
  }

  /// Returns when everything written before is in the files, at the latest after `limit`.
  func flush(within limit: Duration = .seconds(5)) {
    _ = state.wait(atMost: limit) { ($0.isIdle && $0.pendingBytes == 0) || $0.isDone ? true : nil }
  }

  // MARK: On the thread

  private struct Batch {
    let pending: [[UInt8]]
    let dropped: Int
    let reopens: Bool
    let ends: Bool
  }

  private func run() {
    var sinks = Sinks(target)
    while let batch = take() {
      if batch.reopens { sinks.reopen() }
      sinks.write(batch.pending, dropped: batch.dropped)
      if batch.ends { break }
    }
    state.withLock { $0.isDone = true }
    state.signal()
  }

  private func take() -> Batch? {
    state.wait { state in
      state.isIdle = true
      guard state.pendingBytes > 0 || state.isClosing || state.reopens else {
        self.state.signal()
        return nil
      }
      let batch = Batch(
        pending: state.pending, dropped: state.dropped, reopens: state.reopens, ends: state.isClosing)
      state.pending = Channel.allCases.map { _ in [] }
      state.pendingBytes = 0
      state.dropped = 0
      state.reopens = false
      state.isIdle = false
      return batch
    }
  }
}

/// Where the lines end up. Used by the writer's thread alone.
private struct Sinks: ~Copyable {
  private let standardOutput: Bool
  private var debug: LogFile
  private var info: LogFile
  private var warn: LogFile
  private var error: LogFile
  private var checked = ContinuousClock.now
  private var hasComplained = false

  init(_ target: LogWriter.Target) {
    var directory = ""
    var isSplit = false
    if case .files(let path, let split) = target {
      directory = path
      isSplit = split
      standardOutput = false
    } else {
      standardOutput = true
    }
    debug = LogFile(directory: directory, name: "debug", isSplit: isSplit)
    info = LogFile(directory: directory, name: "info", isSplit: isSplit)
    warn = LogFile(directory: directory, name: "warn", isSplit: isSplit)
    error = LogFile(directory: directory, name: "error", isSplit: isSplit)
  }

  mutating func reopen() {
    debug.close()
    info.close()
    warn.close()
    error.close()
  }

  mutating func write(_ pending: [[UInt8]], dropped: Int) {
    let now = ContinuousClock.now
    if now - checked >= LogWriter.checkInterval {
      checked = now
      debug.closeIfMoved()
      info.closeIfMoved()
      warn.closeIfMoved()
      error.closeIfMoved()
    }
    let time = Timestamp.now()
    for channel in LogWriter.Channel.allCases {
      var lines = pending[channel.rawValue]
      if channel == .warn, dropped > 0 { lines += Self.notice(dropped, at: time, json: standardOutput) }
      if !lines.isEmpty { write(lines, to: channel, at: time) }
    }
  }

  private mutating func write(_ lines: [UInt8], to channel: LogWriter.Channel, at time: Timestamp) {
    do throws(SystemError) {
      if standardOutput { return try writeAll(lines, to: STDOUT_FILENO) }
      switch channel {
      case .debug: try debug.write(lines, at: time)
      case .info: try info.write(lines, at: time)
      case .warn: try warn.write(lines, at: time)
      case .error: try self.error.write(lines, at: time)
      }
      hasComplained = false
    } catch {
      // The log can't tell about itself: once to whoever reads standard error, until it works again.
      guard !hasComplained else { return }
      hasComplained = true
      try? writeAll("medispatcher: log lines are lost: \(error)\n".utf8, to: STDERR_FILENO)
    }
  }

  private static func notice(_ dropped: Int, at time: Timestamp, json: Bool) -> [UInt8] {
    let event = LogEvent(
      level: .warning, message: "log lines were dropped, the writer can't keep up", metadata: nil, source: "MEDApp",
      file: #fileID, function: #function, line: #line)
    let metadata: Logger.Metadata = ["dropped": "\(dropped)"]
    return json
      ? LogLine.json(event, metadata: metadata, label: "log", at: time)
      : LogLine.text(event, metadata: metadata, at: time)
  }
}
