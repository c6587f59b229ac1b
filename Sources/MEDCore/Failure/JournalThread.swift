import MEDLoop

/// The thread that writes the journal: takes what has gathered, encodes and writes it, answers those who wait.
final class JournalThread: Sendable {
  typealias Opened = @Sendable ((state: JournalState, problem: String?)) -> Void

  private let monitor: Monitor<FailureJournal.State>
  private let file: JournalFile
  private let opened: Opened

  /// After a failed write.
  private static let pause: UInt64 = 1_000_000_000

  private struct Work {
    var items: [FailureJournal.Item]
    var isLast: Bool
  }

  init(_ monitor: Monitor<FailureJournal.State>, _ file: JournalFile, opened: @escaping Opened) {
    self.monitor = monitor
    self.file = file
    self.opened = opened
  }

  /// - Returns: whether there is a thread now. It lives until the journal is closed.
  func start() -> Bool { DetachedThread.start(blocksSignals: true) { self.run() } }

  private func run() {
    var file = self.file
    let found = file.open()
    monitor.withLock { $0.nextSequence = found.state.lastSequence + 1 }
    opened(found)
    // Encoded, and not in the file because a write has failed.
    var unwritten: [UInt8] = []
    var records: UInt64 = 0
    var retryAt: UInt64?
    while true {
      let work = take(retryAt)
      var clears = false
      var last: UInt64 = 0
      for item in work.items {
        switch item {
        case .clear:
          clears = true
          unwritten.removeAll(keepingCapacity: true)
          records = 0
        case .record(let record):
          last = record.sequence
          records += 1
          JournalFormat.append(record, to: &unwritten)
        }
      }
      let problem = (clears ? file.clear() : nil) ?? file.append(unwritten)
      var dropped: UInt64 = 0
      if problem == nil || unwritten.count > FailureJournal.maximumWaiting / 2 || work.isLast {
        if problem != nil { dropped = records }
        records = 0
        unwritten.removeAll(keepingCapacity: unwritten.capacity <= 1 << 20)
      }
      retryAt = unwritten.isEmpty ? nil : Monitor<FailureJournal.State>.uptime() + Self.pause
      finish(work, last, problem, dropped, unwritten.count)
      if work.isLast { return file.close() }
    }
  }

  private func take(_ retryAt: UInt64?) -> Work {
    monitor.proceed { state in
      let isDue = retryAt.map { $0 <= Monitor<FailureJournal.State>.uptime() } ?? false
      guard !state.items.isEmpty || state.isClosing || isDue else { return .wait(until: retryAt) }
      defer {
        state.items = []
        state.bytes = 0
      }
      return .proceed(Work(items: state.items, isLast: state.isClosing))
    }
  }

  private func finish(
    _ work: Work, _ last: UInt64, _ problem: String?, _ dropped: UInt64, _ unwritten: Int
  ) {
    let (answered, closers) = monitor.withLock { state in
      state.health.problem = problem
      state.health.dropped += dropped
      state.unwritten = unwritten
      state.handled = max(state.handled, last)
      state.isStuck = false
      let handled = state.handled
      let answered = state.waiters.filter { $0.sequence <= handled || work.isLast }
      if answered.count == state.waiters.count {
        state.waiters.removeAll(keepingCapacity: true)
      } else {
        state.waiters.removeAll { $0.sequence <= handled }
      }
      guard work.isLast else { return (answered, [CheckedContinuation<Void, Never>]()) }
      state.isClosed = true
      defer { state.closers = [] }
      return (answered, state.closers)
    }
    for waiter in answered { waiter.continuation.resume(returning: problem == nil) }
    for closer in closers { closer.resume() }
  }
}
