import MEDCore

/// Jobs.
extension BeanstalkClient {
  /// Stores jobs, all with one write.
  ///
  /// Wire, for each: `put <pri> <delay> <ttr> <bytes>`, behind a `use` where the tube changes.
  /// - Returns: one outcome for each, in order. A put that was answered BURIED is stored; it is kicked by itself.
  /// - Source: beanstalkd doc/protocol.txt, "put".
  public func put(_ puts: [Put]) async -> [PutOutcome] {
    await actor.run { _ in await self.session.put(puts) }
  }

  /// Puts `body` into `tube`.
  ///
  /// Wire: `put <pri> <delay> <ttr> <bytes>` → `INSERTED <id>`.
  /// - Parameters:
  ///   - body: opaque bytes, at most the server's max-job-size (65,535 by default).
  ///   - tube: made if there is none.
  ///   - delay: whole seconds until it is ready, 0 ... 2³²−1.
  ///   - priority: 0 is the most urgent.
  ///   - timeToRun: whole seconds that a worker may keep it, at least 1; nil for
  ///     ``BeanstalkConfiguration/timeToRun``.
  /// - Returns: the number that the server gave.
  /// - Throws: `.jobTooBig` (discard), `.draining`, `.outOfMemory`, `.internalError` (another server, or later),
  ///   `.connectionLost` (stored or not, nobody knows), `.unreachable` (not stored).
  /// - Source: beanstalkd doc/protocol.txt, "put".
  public func put(
    _ body: [UInt8], into tube: TubeName, delay: UInt32 = 0, priority: UInt32 = Put.priority,
    timeToRun: UInt32? = nil
  ) async throws(BeanstalkError) -> UInt64 {
    let put = Put(tube: tube, body: body, delay: delay, priority: priority, timeToRun: timeToRun)
    switch await self.put([put]).first {
    case .stored(let number): return number
    case .tooBig: throw BeanstalkError(.jobTooBig, "\(body.count) bytes are more than \(address) takes")
    case .refused(let answer): throw BeanstalkError.refusal(answer, to: "the put")
    case .unanswered: throw BeanstalkError(.connectionLost, "\(address) didn't answer the put")
    case .unavailable, nil: throw BeanstalkError(.unreachable, "\(address) can't be reached")
    }
  }

  /// Takes up to `count` ready jobs without waiting for more to come. Every job returned is buried, so any connection may
  /// delete or kick it and no clock ticks; after a crash it stays buried until somebody kicks it.
  ///
  /// The connections for it are made at the first call.
  /// - Returns: the jobs; `failure` says why nothing could be asked.
  public func take(_ count: Int, from tube: TubeName) async -> TakeOutcome {
    await actor.run { actor in
      self.session.startTaking()
      let end = ContinuousClock.now + self.session.endpoint.configuration.connectTimeout
      while self.session.takes.upCount == 0, !self.session.isClosed, ContinuousClock.now < end {
        guard (try? await actor.loop.sleep(for: .milliseconds(2))) != nil else { break }
      }
      return await self.session.take(count, from: tube)
    }
  }

  /// Deletes jobs that were taken; one outcome for each, in order. One of another run of the server is looked at first.
  public func delete(_ jobs: [Job]) async -> [SettleOutcome] {
    await actor.run { _ in await self.session.delete(jobs) }
  }

  /// Kicks jobs that were taken back to ready; one outcome for each, in order.
  public func kick(_ jobs: [Job]) async -> [SettleOutcome] {
    await actor.run { _ in await self.session.kick(jobs) }
  }

  /// Deletes jobs of the server's present run that are ready, delayed or buried, all with one write.
  ///
  /// Wire, for each: `delete <id>` → `DELETED`, `NOT_FOUND`.
  /// - Returns: one outcome for each, in order; `.notFound` also for one that somebody has reserved.
  /// - Source: beanstalkd doc/protocol.txt, "delete".
  public func delete(numbers: [UInt64]) async -> [SettleOutcome] {
    await actor.run { _ in await self.session.settle(.delete, numbers: numbers) }
  }

  /// Makes jobs of the server's present run that are buried or delayed ready, all with one write.
  ///
  /// Wire, for each: `kick-job <id>` → `KICKED`, `NOT_FOUND`.
  /// - Returns: one outcome for each, in order; `.notFound` also for one that is ready or reserved.
  /// - Source: beanstalkd doc/protocol.txt, "kick-job".
  public func kick(numbers: [UInt64]) async -> [SettleOutcome] {
    await actor.run { _ in await self.session.settle(.kick, numbers: numbers) }
  }

  // MARK: Looking

  /// The job of that number, whatever its state and tube.
  ///
  /// Wire: `peek <id>` → `FOUND <id> <bytes>`, `NOT_FOUND`.
  /// - Returns: nil if there is none.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "peek".
  public func peek(_ number: UInt64) async throws -> PeekedJob? {
    try await actor.run { _ in
      try StatisticsConnection.body(of: try await self.session.looks.ask(.peek(number)).first)
        .map { PeekedJob(number: number, body: $0) }
    }
  }

  /// Which job to look at.
  public enum Peek: Sendable {
    /// The next one to be reserved.
    case ready
    /// The one with the shortest delay left.
    case delayed
    /// The next one to be kicked.
    case buried
  }

  /// The first job of `tube` in that state.
  ///
  /// Wire: `use <tube>`, then `peek-ready`, `peek-delayed` or `peek-buried` → `FOUND <id> <bytes>`, `NOT_FOUND`.
  /// - Returns: nil if there is none.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "peek".
  public func peek(_ state: Peek, in tube: TubeName) async throws -> PeekedJob? {
    try await actor.run { _ in
      let command: Command =
        switch state {
        case .ready: .peekReady
        case .delayed: .peekDelayed
        case .buried: .peekBuried
        }
      return try await self.session.looks.peek(command, in: tube).map { PeekedJob(number: $0.number, body: $0.body) }
    }
  }

  /// What the server knows of a job.
  ///
  /// Wire: `stats-job <id>` → `OK <bytes>`, `NOT_FOUND`.
  /// - Returns: nil if there is no such job.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "stats-job".
  public func statistics(ofJob number: UInt64) async throws -> JobStatistics? {
    try await actor.run { _ in try await self.session.statistics(ofJob: number) }
  }
}

/// A job that was looked at: it stays where it is, and isn't ours.
public struct PeekedJob: Sendable, Equatable {
  /// Its id, unique within one run of the server.
  public let number: UInt64
  /// The bytes that were put.
  public let body: [UInt8]
}

extension BeanstalkServer {
  /// Deletes a job of that run of the server.
  /// - Returns: false if it is gone, in other hands, or the server is another run by now.
  func delete(_ number: UInt64, ofRun instance: UInt32) async throws(BeanstalkError) -> Bool {
    guard let command = idlestCommandConnection else {
      throw health.latestError ?? BeanstalkError(.unreachable, "not connected")
    }
    guard command.instance == instance else { return false }
    let outcomes = await withUnsafeContinuation { continuation in
      command.settle(
        .delete, CollectionOfOne(number), SettleBatch(.delete, count: 1) { continuation.resume(returning: $0) })
    }
    switch outcomes.first {
    case .done: return true
    case .notFound: return false
    case .failed(let text): throw .refusal(text, to: "delete")
    case nil: throw BeanstalkError(.connectionLost, "no answer")
    }
  }

  /// Jobs of the present run.
  func settle(_ verb: SettleBatch.Verb, numbers: [UInt64]) async -> [SettleOutcome] {
    if numbers.isEmpty { return [] }
    guard let command = idlestCommandConnection else {
      return Array(repeating: .failed("not connected"), count: numbers.count)
    }
    return await withUnsafeContinuation { continuation in
      command.settle(verb, numbers, SettleBatch(verb, count: numbers.count) { continuation.resume(returning: $0) })
    }
  }
}
