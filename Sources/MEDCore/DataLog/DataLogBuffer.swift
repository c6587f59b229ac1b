import MEDLoop

/// What waits for the writer's thread, and the rules for what may: the part of the log that is under the lock.
struct DataLogBuffer {
  /// A commit or a flush that waits for the disk.
  struct Waiter {
    var continuation: CheckedContinuation<Void, any Error>
    /// Its line, in the batch; empty for a flush.
    var line: Range<Int>
  }

  /// What the thread takes over at once.
  struct Work {
    var batch: [UInt8]
    /// Records of `write` in it.
    var writes: Int
    var waiters: [Waiter]
    var reopen: Bool
    var close: Bool
  }

  enum Phase { case open, closing, closed }

  let limits: DataLogLimits
  var health = DataLogHealth()
  var phase = Phase.open
  var isThreadRunning = false
  private var pending: [UInt8] = []
  private var pendingWrites = 0
  private var waiters: [Waiter] = []
  private var closers: [CheckedContinuation<Void, any Error>] = []
  private var reopens = false
  /// Bytes that the thread has taken and that aren't known to be on disk.
  private var held = 0
  private var waitersTaken = 0
  /// When what is pending is to be taken at the latest.
  private var deadline: UInt64?
  /// A batch's memory, to be filled again.
  private var spare: [UInt8] = []

  init(limits: DataLogLimits) { self.limits = limits }

  var current: DataLogHealth {
    var health = health
    health.bytesHeld = held + pending.count
    health.commitsWaiting = waiters.count + waitersTaken
    return health
  }

  // MARK: In

  /// - Returns: whether the thread must be woken.
  mutating func write(_ record: DataRecord, at time: RecordTime) -> Bool {
    guard phase == .open, isThreadRunning, held + pending.count < limits.bufferBytes else {
      health.recordsDropped += 1
      return false
    }
    let before = pending.count
    DataLineFormatter.append(record, at: time, to: &pending)
    pendingWrites += 1
    return before == 0 || before < limits.batchBytes && pending.count >= limits.batchBytes
  }

  /// Commits may fill as much again as writes: a burst of sent messages must not refuse the only copy of one.
  mutating func commit(
    _ record: DataRecord?, at time: RecordTime, _ continuation: CheckedContinuation<Void, any Error>
  ) -> DataLogError? {
    let refusal: DataLogError.Code? =
      if phase != .open {
        .closed
      } else if !isThreadRunning {
        .thread
      } else if waiters.count + waitersTaken >= limits.commits {
        .tooManyWaiting
      } else if held + pending.count >= limits.bufferBytes * 2 {
        .bufferFull
      } else {
        nil
      }
    if let refusal {
      if record != nil { health.commitsFailed += 1 }
      return DataLogError(refusal)
    }
    let start = pending.count
    if let record { DataLineFormatter.append(record, at: time, to: &pending) }
    waiters.append(Waiter(continuation: continuation, line: start..<pending.count))
    return nil
  }

  mutating func reopen() { if phase == .open && isThreadRunning { reopens = true } }

  /// - Returns: whether the thread will resume the continuation; false if there is nothing to wait for.
  mutating func close(_ continuation: CheckedContinuation<Void, any Error>?) -> Bool {
    guard phase != .closed, isThreadRunning else {
      phase = .closed
      return false
    }
    phase = .closing
    if let continuation { closers.append(continuation) }
    return true
  }

  // MARK: Out

  mutating func next(_ uptime: UInt64) -> Monitor<DataLogBuffer>.Decision<Work> {
    if !waiters.isEmpty || reopens || phase == .closing { return .proceed(take()) }
    let isFailing = !health.isWritable
    // A log that fails is tried again for writes now and then, by commits at once.
    guard !pending.isEmpty || isFailing && held > 0 else {
      deadline = nil
      return .wait(until: nil)
    }
    let due = deadline ?? uptime &+ (isFailing ? limits.retryInterval : limits.batchInterval)
    deadline = due
    if uptime >= due || pending.count >= limits.batchBytes && !isFailing { return .proceed(take()) }
    return .wait(until: due)
  }

  private mutating func take() -> Work {
    let work = Work(
      batch: pending, writes: pendingWrites, waiters: waiters, reopen: reopens, close: phase == .closing)
    held += pending.count
    waitersTaken = waiters.count
    pending = spare
    spare = []
    pendingWrites = 0
    waiters = []
    reopens = false
    deadline = nil
    return work
  }

  /// - Parameters:
  ///   - held: bytes that aren't known to be on disk.
  ///   - emptied: the batch's memory.
  mutating func finish(held: Int, emptied: [UInt8]) {
    self.held = held
    waitersTaken = 0
    if emptied.capacity <= 16 * limits.batchBytes { spare = emptied }
  }

  mutating func end() -> [CheckedContinuation<Void, any Error>] {
    phase = .closed
    defer { closers = [] }
    return closers
  }
}

/// The bounds of a log, and its pace.
struct DataLogLimits: Sendable {
  /// Bytes in memory past which `write` drops; `commit` throws at twice as many.
  var bufferBytes = 16 << 20
  /// Commits that may wait.
  var commits = 100_000
  /// Bytes that are written at once …
  var batchBytes = 64 << 10
  /// … at the latest so many nanoseconds after the first.
  var batchInterval: UInt64 = 100_000_000
  /// Nanoseconds between attempts for writes alone while the log fails.
  var retryInterval: UInt64 = 1_000_000_000
}
