import Glibc
import Logging
import MEDLoop

/// Writes log lines on a thread of its own, so that a slow disk never holds up what is logged about.
///
/// At most ``maximumBytes`` wait; when they do, further lines are dropped. So are those that can't be written, because the
/// disk is full or the directory is gone: that is said once on standard error, and the number in the log once there is room.
final class LogWriter: Sendable {
  static let maximumBytes = 4 << 20
  /// So often an idle writer looks whether a file was renamed or removed, and whether there is room again.
  static let checkInterval = Duration.milliseconds(750)

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
    try Thread.detached(named: "log") { [self] in run() }
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
    var sinks = LogSinks(target)
    while true {
      guard let batch = take(within: sinks.isIdle ? nil : Self.checkInterval) else {
        sinks.look()
        continue
      }
      if batch.reopens { sinks.reopen() }
      sinks.write(batch.pending, dropped: batch.dropped)
      if batch.ends { break }
    }
    sinks.look()
    state.withLock { $0.isDone = true }
    state.signal()
  }

  /// - Returns: nil if there is nothing to write in that time.
  private func take(within limit: Duration?) -> Batch? {
    state.wait(atMost: limit) { state in
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
