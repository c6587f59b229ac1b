import Logging
import MEDLoop

/// Writes the snapshot and the parameter files on a thread of its own, which lives as long as there is something to
/// write.
///
/// Holds at most one state to be written: a newer one takes its place.
final class SnapshotWriter: Sendable {
  static let fileName = "subscriptions.snapshot"

  private struct State {
    var pending: SubscriptionTable?
    /// A thread is there.
    var isRunning = false
    /// What was submitted isn't all on disk yet, files that only catch up aside.
    var isWriting = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var failure: String?
    /// In the thread's hands while there is one.
    var files: ParameterFiles
  }

  private let path: String
  private let writeFile: @Sendable (_ bytes: [UInt8], _ path: String) -> String?
  private let logger: Logger
  private let state: Monitor<State>

  /// - Parameter writeFile: returns what failed, or nil.
  init(
    directory: String, logger: Logger,
    writeFile: @escaping @Sendable (_ bytes: [UInt8], _ path: String) -> String? = { SnapshotFile.write($0, to: $1) }
  ) {
    self.writeFile = writeFile
    path = directory + "/" + Self.fileName
    state = Monitor(State(files: ParameterFiles(directory: directory)))
    self.logger = logger
  }

  /// Why the last write failed; nil if it did not.
  var lastError: String? { state.withLock { $0.failure } }

  func submit(_ table: SubscriptionTable) {
    let begins = state.withLock { state in
      state.pending = table
      state.isWriting = true
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if !begins { return state.signal() }
    if !DetachedThread.start({ self.run() }) {
      state.withLock { state in
        state.pending = nil
        state.isRunning = false
      }
      written("no thread could be started")
    }
  }

  /// Returns once what was submitted is written. Files of subscriptions that nothing was written for yet may follow.
  func flush() async {
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state in
        if state.isWriting { state.waiting.append(continuation) }
        return !state.isWriting
      }
      if isIdle { continuation.resume() }
    }
  }

  /// What the file holds.
  func read() async -> Result<[Subscription], StoreError> {
    let path = path
    return await withCheckedContinuation { continuation in
      let begun = DetachedThread.start {
        let result = SnapshotFile.read(path).flatMap { bytes in
          SnapshotFormat.decode(bytes).mapError { StoreError(.corrupt, "\(path): \($0)") }
        }
        continuation.resume(returning: result)
      }
      if !begun { continuation.resume(returning: .failure(StoreError(.unavailable, "no thread could be started"))) }
    }
  }

  // MARK: On the thread

  private func run() {
    var files = state.withLock { $0.files }
    while let work = next(files) {
      switch work {
      case .write(let table):
        let bytes = SnapshotFormat.encode(table.byID.values.map(\.subscription))
        written(writeFile(bytes, path) ?? files.update(table))
      case .catchUp:
        files.catchUp()
      }
    }
  }

  private enum Step {
    case write(SubscriptionTable)
    case catchUp
  }

  /// Waits for a table; while files are behind, no longer than until the next of them may be written.
  /// - Returns: nil if there is nothing left to do: the thread ends.
  private func next(_ files: ParameterFiles) -> Step? {
    let due = Monitor<State>.uptime() + ParameterFiles.pauseNanoseconds
    return state.proceed { state in
      if let table = state.pending {
        state.pending = nil
        return .proceed(.write(table))
      }
      guard files.isBehind else {
        state.files = files
        state.isRunning = false
        return .proceed(nil)
      }
      return Monitor<State>.uptime() >= due ? .proceed(.catchUp) : .wait(until: due)
    }
  }

  private func written(_ problem: String?) {
    if let problem {
      logger.warning("snapshot of the subscriptions can't be written", metadata: [LogKey.error: "\(problem)"])
    }
    let waiting = state.withLock { state in
      state.failure = problem
      // Submitted meanwhile: it will be written next.
      if state.pending != nil { return [CheckedContinuation<Void, Never>]() }
      state.isWriting = false
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}
