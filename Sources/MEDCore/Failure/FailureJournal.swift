import MEDLoop

/// What isn't in the store yet, on disk: so that rows are closed rightly after a crash, and after a stop while the store
/// was down (SPEC §7).
///
/// A thread of its own writes what has gathered since its last write. Whoever must not go on before his record is in the
/// file waits for it, not for the disk: the page cache outlives the process. A disk that hangs is waited for no longer
/// than ``patience`` once, then not at all until it answers.
final class FailureJournal: Sendable {
  static let fileName = "failures.journal"
  /// Records that wait for the disk, in bytes; past it they are dropped and counted.
  static let maximumWaiting = 8 << 20
  static let patience = Duration.seconds(1)

  enum Item: Sendable {
    case record(JournalRecord)
    /// All records before are in the store.
    case clear
  }

  struct Health: Sendable, Equatable {
    /// Why the last write failed; nil if it did not.
    var problem: String?
    /// Records that the journal doesn't have.
    var dropped: UInt64 = 0
  }

  struct State {
    var items: [Item] = []
    /// Of the items and of what a failed write has left with the thread.
    var bytes = 0
    var unwritten = 0
    var nextSequence: UInt64 = 1
    /// The latest record that a write was tried for.
    var handled: UInt64 = 0
    var waiters: [Waiter] = []
    /// Nothing was answered within the patience: nobody waits any more.
    var isStuck = false
    var isClosing = false
    var isClosed = false
    var closers: [CheckedContinuation<Void, Never>] = []
    var health = Health()
  }

  struct Waiter {
    let sequence: UInt64
    let since: UInt64
    let continuation: UnsafeContinuation<Bool, Never>
  }

  let monitor = Monitor(State())
  private let file: JournalFile

  init(_ file: JournalFile) { self.file = file }

  convenience init(directory: String) { self.init(JournalFile(path: directory + "/" + Self.fileName)) }

  var health: Health { monitor.withLock(\.health) }

  /// Starts the thread and reads the file.
  func open() async -> (state: JournalState, problem: String?) {
    await withCheckedContinuation { continuation in
      let thread = JournalThread(monitor, file) { continuation.resume(returning: $0) }
      guard !thread.start() else { return }
      monitor.withLock { $0.isClosed = true }
      continuation.resume(returning: (JournalState(), "no thread could be started"))
    }
  }

  /// Adds a record; ``signal()`` has it written.
  /// - Returns: its number; 0 if it isn't kept.
  func append(_ content: JournalRecord.Content) -> UInt64 {
    let size = content.size
    return monitor.withLock { state in
      guard !state.isClosing, !state.isClosed, state.bytes + state.unwritten + size <= Self.maximumWaiting else {
        state.health.dropped += 1
        return 0
      }
      let sequence = state.nextSequence
      state.nextSequence += 1
      state.bytes += size
      state.items.append(.record(JournalRecord(sequence: sequence, content: content)))
      return sequence
    }
  }

  /// Everything appended so far is in the store.
  func clear() { monitor.withLock { if !$0.isClosing { $0.items.append(.clear) } } }

  func signal() { monitor.signal() }

  /// Returns when the record is in the file, or isn't going to be.
  /// - Returns: whether it is.
  func written(_ sequence: UInt64) async -> Bool {
    guard sequence > 0 else { return false }
    return await withUnsafeContinuation { continuation in
      let known: Bool? = monitor.withLock { state in
        if state.handled >= sequence { return state.health.problem == nil }
        if state.isStuck || state.isClosed { return false }
        state.waiters.append(
          Waiter(
            sequence: sequence, since: Monitor<State>.uptime(), continuation: continuation))
        return nil
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Lets those go on who have waited for too long.
  /// - Returns: whether somebody still waits.
  func releaseLate(after patience: Duration = FailureJournal.patience) -> Bool {
    let now = Monitor<State>.uptime()
    let (seconds, attoseconds) = patience.components
    let allowed = UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
    let (late, remain) = monitor.withLock { state in
      let late = state.waiters.filter { now >= $0.since && now - $0.since >= allowed }
      guard !late.isEmpty else { return (late, !state.waiters.isEmpty) }
      state.isStuck = true
      // Who came after them has nothing else to expect.
      let all = state.waiters
      state.waiters = []
      return (all, false)
    }
    for waiter in late { waiter.continuation.resume(returning: false) }
    return remain
  }

  /// Writes what is there and ends the thread. Only on the loop.
  /// - Parameter deadline: a disk that hangs is not waited for any longer.
  func close(within deadline: Duration, on loop: EventLoop) async {
    monitor.withLock { $0.isClosing = true }
    monitor.signal()
    let timer = loop.schedule(after: deadline) { self.giveUpClosing() }
    await closed()
    timer.cancel()
  }

  private func closed() async {
    await withCheckedContinuation { continuation in
      let isClosed = monitor.withLock { state in
        if !state.isClosed { state.closers.append(continuation) }
        return state.isClosed
      }
      if isClosed { continuation.resume() }
    }
  }

  private func giveUpClosing() {
    let closers = monitor.withLock { state in
      defer { state.closers = [] }
      return state.closers
    }
    for closer in closers { closer.resume() }
  }
}

extension JournalRecord.Content {
  /// What it takes in memory, roughly.
  fileprivate var size: Int {
    if case .entry(let entry, _) = self { entry.size } else { 96 }
  }
}
