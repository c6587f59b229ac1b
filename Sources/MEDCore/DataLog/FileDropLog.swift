import DequeModule
import MEDLoop

/// The drop log: what the drop policies of subscriptions keep out of their channels (SPEC §4), one ``FileDataLog`` for
/// each subscription, `subscription_<id>_<unix seconds>.data`.
///
/// ```swift
/// let dispatcher = Dispatcher(…, dataLog: log, dropLog: FileDropLog(directory: "/var/lib/orders/dropped"))
/// ```
///
/// A record goes into the file of its `subscription`; those without one share `subscription_0_…`. Lines, group commit,
/// and what follows from a failed write or fsync are those of ``FileDataLog``. A new file is begun past 1 GiB and after
/// each start.
///
/// At most ``openFiles`` files are open (each has a thread); for one more the least recently used is closed, and gone on
/// with when its subscription comes again. While all of them wait for the disk the next one waits for a free place;
/// 100,000 may wait, past that commits throw, as they do when 4 MiB of one subscription wait for the disk.
public final class FileDropLog: DataLog {
  /// Files that are open at most, each with a thread of its own.
  public static let openFiles = 64
  static let waiting = 100_000
  /// Subscriptions whose latest file is remembered; when full all are forgotten, and go on with new files.
  static let remembered = 10_000

  /// As there are many logs, each keeps less than a DATA log does.
  private static var limits: DataLogLimits {
    var limits = DataLogLimits()
    limits.bufferBytes = 2 << 20
    return limits
  }

  private struct Entry {
    let log: FileDataLog
    /// Commits under way.
    var users = 0
    var latestUse: UInt64 = 0
  }

  private struct State {
    var open: [Int: Entry] = [:]
    /// Evicted ones on their way out: they hold their place until they are closed.
    var closing = 0
    var latestFiles: [Int: String] = [:]
    var uses: UInt64 = 0
    var waiters: Deque<CheckedContinuation<Void, Never>> = []
    var isClosed = false
  }

  private enum Place {
    case ready(FileDataLog)
    case after(closing: FileDataLog, of: Int)
    case none
  }

  private let directory: String
  private let bound: Int
  private let operations: FileOperations
  private let now: @Sendable () -> RecordTime
  private let state = Locked(State())

  /// - Parameter directory: where the files go; need not exist.
  public convenience init(directory: String) {
    self.init(directory: directory, bound: Self.openFiles, operations: .system, now: RecordTime.now)
  }

  init(
    directory: String, bound: Int, operations: FileOperations, now: @escaping @Sendable () -> RecordTime
  ) {
    self.directory = directory
    self.bound = bound
    self.operations = operations
    self.now = now
  }

  /// As ``commit(_:)``, but nobody hears of a failure.
  public func write(_ record: DataRecord) { Task { try? await commit(record) } }

  public func commit(_ record: DataRecord) async throws {
    let subscription = record.subscription ?? 0
    let log = try await use(subscription)
    defer { finish(subscription) }
    try await log.commit(record)
  }

  /// Opens all files anew by their names, soon.
  public func reopen() {
    for log in state.withLock({ $0.open.values.map(\.log) }) { log.reopen() }
  }

  /// Ends all threads; records that come later are refused.
  public func close() async {
    let (logs, waiters) = state.withLock { state in
      state.isClosed = true
      defer { (state.open, state.waiters) = ([:], []) }
      return (state.open.values.map(\.log), state.waiters)
    }
    for waiter in waiters { waiter.resume() }
    // Nothing is left to be written: every commit has its answer from the disk, or gets it before the end.
    for log in logs { try? await log.close() }
  }

  var openCount: Int { state.withLock { $0.open.count + $0.closing } }
  var waitingCount: Int { state.withLock { $0.waiters.count } }

  // MARK: Places

  private func use(_ subscription: Int) async throws(DataLogError) -> FileDataLog {
    while true {
      switch try takePlace(subscription) {
      case .ready(let log): return log
      case .after(let old, let owner):
        let path = old.health.path
        try? await old.close()
        freePlace(of: owner, path)
      case .none: try await waitForPlace()
      }
    }
  }

  private func takePlace(_ subscription: Int) throws(DataLogError) -> Place {
    try state.withLock { state throws(DataLogError) in
      if state.isClosed { throw DataLogError(.closed) }
      state.uses &+= 1
      if let entry = state.open[subscription] {
        state.open[subscription]?.users += 1
        state.open[subscription]?.latestUse = state.uses
        return .ready(entry.log)
      }
      if state.open.count + state.closing < bound {
        let log = FileDataLog(
          directory: directory, naming: .dropLog(subscription: subscription),
          continued: state.latestFiles[subscription], limits: Self.limits, operations: operations, now: now)
        state.open[subscription] = Entry(log: log, users: 1, latestUse: state.uses)
        return .ready(log)
      }
      let idle = state.open.filter { $0.value.users == 0 }.min { $0.value.latestUse < $1.value.latestUse }
      guard let idle else { return .none }
      state.open[idle.key] = nil
      state.closing += 1
      return .after(closing: idle.value.log, of: idle.key)
    }
  }

  private func freePlace(of subscription: Int, _ path: String?) {
    state.withLock { state in
      state.closing -= 1
      if state.latestFiles.count >= Self.remembered { state.latestFiles = [:] }
      state.latestFiles[subscription] = path
    }
    wakeOne()
  }

  private func finish(_ subscription: Int) {
    state.withLock { $0.open[subscription]?.users -= 1 }
    wakeOne()
  }

  private func waitForPlace() async throws(DataLogError) {
    if waitingCount >= Self.waiting { throw DataLogError(.tooManyWaiting) }
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        let mayTry =
          state.isClosed || state.open.count + state.closing < bound || state.open.values.contains { $0.users == 0 }
        if !mayTry { state.waiters.append(continuation) }
        return mayTry
      }
      if goesOn { continuation.resume() }
    }
  }

  private func wakeOne() {
    let waiter = state.withLock { state in
      let isFree = state.open.count + state.closing < bound || state.open.values.contains { $0.users == 0 }
      return isFree ? state.waiters.popFirst() : nil
    }
    waiter?.resume()
  }
}
