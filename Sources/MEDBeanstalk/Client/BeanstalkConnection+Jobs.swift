import MEDCore

/// The verbs of producers and workers.
extension BeanstalkConnection {
  /// Puts a job into the tube in use.
  ///
  /// Wire: `put <pri> <delay> <ttr> <bytes>` → `INSERTED <id>`, `BURIED <id>`.
  /// - Parameters:
  ///   - body: at most the server's max-job-size.
  ///   - priority: 0 is the most urgent.
  ///   - delay: whole seconds until it is ready.
  ///   - timeToRun: whole seconds; 0 counts as 1.
  /// - Throws: `.jobTooBig`, `.draining`, `.expectedCRLF` too.
  public func put(
    _ body: [UInt8], priority: UInt32 = Put.priority, delay: UInt32 = 0, timeToRun: UInt32 = 60
  ) async throws(BeanstalkError) -> PutAnswer {
    try await ask(.put(body: body, priority: priority, delay: delay, timeToRun: timeToRun), "put") { answer in
      switch answer.reply {
      case .inserted(let number): .inserted(number)
      case .insertedBuried(let number): .buried(number)
      default: nil
      }
    }
  }

  /// Reserves a job of the tubes watched, however long it takes until there is one.
  ///
  /// Wire: `reserve` → `RESERVED <id> <bytes>`, `DEADLINE_SOON`, and `TIMED_OUT` of a server that closes.
  /// - Throws: `CancellationError`: the connection is closed then, for there is no other way to take a reserve back; what
  ///   it had reserved is ready again.
  public func reserve() async throws -> ReserveAnswer {
    try await reserve(.reserve, mayBlock: true, within: nil)
  }

  /// Reserves a job of the tubes watched, if there is one within so many seconds; 0 doesn't wait.
  ///
  /// Wire: `reserve-with-timeout <seconds>` → `RESERVED <id> <bytes>`, `TIMED_OUT`, `DEADLINE_SOON`.
  /// - Throws: `CancellationError`, as ``reserve()``.
  public func reserve(timeoutSeconds: UInt32) async throws -> ReserveAnswer {
    try await reserve(
      .reserveWithTimeout(seconds: timeoutSeconds), mayBlock: timeoutSeconds > 0,
      within: .seconds(Int64(timeoutSeconds)) + replyTimeout)
  }

  /// Reserves the job of that number, of whatever tube, if it is ready, delayed or buried.
  ///
  /// Wire: `reserve-job <id>` → `RESERVED <id> <bytes>`, `NOT_FOUND`.
  /// - Returns: nil for NOT_FOUND.
  public func reserve(job number: UInt64) async throws -> PeekedJob? {
    try await ask(.reserveJob(number), "reserve-job") { answer in
      switch answer.reply {
      case .reserved(let number, _): .some(PeekedJob(number: number, body: answer.body))
      case .notFound: .some(nil)
      default: nil
      }
    }
  }

  /// Deletes a job that this connection has reserved, or that is ready, delayed or buried.
  ///
  /// Wire: `delete <id>` → `DELETED`, `NOT_FOUND`.
  /// - Returns: false for NOT_FOUND.
  @discardableResult
  public func delete(_ number: UInt64) async throws(BeanstalkError) -> Bool {
    try await ask(.delete(number), "delete") { $0.isDone(.deleted) }
  }

  /// Gives a job that this connection has reserved back.
  ///
  /// Wire: `release <id> <pri> <delay>` → `RELEASED`, `BURIED`, `NOT_FOUND`.
  public func release(
    _ number: UInt64, priority: UInt32 = Put.priority, delay: UInt32 = 0
  ) async throws(BeanstalkError) -> ReleaseAnswer {
    try await ask(.release(number, priority: priority, delay: delay), "release") { answer in
      switch answer.reply {
      case .released: .released
      case .buried: .buried
      case .notFound: .notFound
      default: nil
      }
    }
  }

  /// Puts a job that this connection has reserved aside.
  ///
  /// Wire: `bury <id> <pri>` → `BURIED`, `NOT_FOUND`.
  /// - Returns: false for NOT_FOUND.
  @discardableResult
  public func bury(_ number: UInt64, priority: UInt32 = Put.priority) async throws(BeanstalkError) -> Bool {
    try await ask(.bury(number, priority: priority), "bury") { $0.isDone(.buried) }
  }

  /// Begins the time to run of a job that this connection has reserved anew.
  ///
  /// Wire: `touch <id>` → `TOUCHED`, `NOT_FOUND`.
  /// - Returns: false for NOT_FOUND.
  @discardableResult
  public func touch(_ number: UInt64) async throws(BeanstalkError) -> Bool {
    try await ask(.touch(number), "touch") { $0.isDone(.touched) }
  }

  /// Makes up to `bound` buried jobs of the tube in use ready; if it has none, delayed ones.
  ///
  /// Wire: `kick <bound>` → `KICKED <count>`.
  /// - Returns: how many.
  @discardableResult
  public func kick(_ bound: UInt32) async throws(BeanstalkError) -> Int {
    try await ask(.kick(bound: bound), "kick") { answer in
      if case .kickedCount(let count) = answer.reply { count } else { nil }
    }
  }

  /// Makes one buried or delayed job ready.
  ///
  /// Wire: `kick-job <id>` → `KICKED`, `NOT_FOUND`.
  /// - Returns: false for NOT_FOUND.
  @discardableResult
  public func kick(job number: UInt64) async throws(BeanstalkError) -> Bool {
    try await ask(.kickJob(number), "kick-job") { $0.isDone(.kicked) }
  }

  // MARK: Looking

  /// A job, whatever its state and tube.
  ///
  /// Wire: `peek <id>` → `FOUND <id> <bytes>`, `NOT_FOUND`.
  public func peek(_ number: UInt64) async throws(BeanstalkError) -> PeekedJob? {
    try await ask(.peek(number), "peek") { $0.peeked }
  }

  /// The next ready job of the tube in use.
  ///
  /// Wire: `peek-ready` → `FOUND <id> <bytes>`, `NOT_FOUND`.
  public func peekReady() async throws(BeanstalkError) -> PeekedJob? {
    try await ask(.peekReady, "peek-ready") { $0.peeked }
  }

  /// The job of the tube in use with the shortest delay left.
  ///
  /// Wire: `peek-delayed` → `FOUND <id> <bytes>`, `NOT_FOUND`.
  public func peekDelayed() async throws(BeanstalkError) -> PeekedJob? {
    try await ask(.peekDelayed, "peek-delayed") { $0.peeked }
  }

  /// The first buried job of the tube in use.
  ///
  /// Wire: `peek-buried` → `FOUND <id> <bytes>`, `NOT_FOUND`.
  public func peekBuried() async throws(BeanstalkError) -> PeekedJob? {
    try await ask(.peekBuried, "peek-buried") { $0.peeked }
  }
}

extension Answer {
  /// Nil if it is neither that nor NOT_FOUND.
  func isDone(_ success: Reply) -> Bool? {
    if reply == success { return true }
    return reply == .notFound ? false : nil
  }

  /// Outer nil if it is neither FOUND nor NOT_FOUND.
  fileprivate var peeked: PeekedJob?? {
    switch reply {
    case .found(let number, _): .some(PeekedJob(number: number, body: body))
    case .notFound: .some(nil)
    default: nil
    }
  }
}
