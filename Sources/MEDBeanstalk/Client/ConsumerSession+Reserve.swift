import MEDCore
import MEDLoop

extension ConsumerSession {
  /// How a reserve ended.
  enum Reserved {
    case jobs([(number: UInt64, body: [UInt8])], instance: UInt32, generation: UInt64)
    case timedOut
    case deadlineSoon
  }

  /// The longest that a server is asked to wait at a time: so one that is frozen is noticed.
  private static let longestWait: Int64 = 30
  /// While jobs are held the server is asked this often, unless one of them is settled before.
  static let pollInterval = Duration.milliseconds(100)

  /// Up to `count` jobs, once there is one.
  /// - Parameter deadline: nil: as long as it takes, whatever happens to the server.
  func reserve(
    _ count: Int, until deadline: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation
  ) async throws -> Reserved {
    try await takeTurn(until: deadline) { (connection) async throws -> Reserved? in
      let room = min(max(1, count), options.maximumReservations - held.count)
      let seconds = held.isEmpty ? waitingTime(until: deadline) : 0
      let commands = (0..<room).map { Command.reserveWithTimeout(seconds: $0 == 0 ? seconds : 0) }
      let exchange = ReservationExchange(count: room, mayBlock: seconds > 0)
      let limit = Duration.seconds(Int64(seconds)) + endpoint.configuration.replyTimeout
      let result = await exchange.run(commands, on: connection, within: limit)
      if let reserved = try await accept(result, on: connection) { return reserved }
      if seconds == 0, connection.isOpen { await pause(until: deadline) }
      return nil
    }
  }

  /// The job of that number, if it is ready, delayed or buried.
  func reserve(
    job number: UInt64, until deadline: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation
  ) async throws -> Reserved {
    try await takeTurn(until: deadline) { (connection) async throws -> Reserved? in
      let exchange = ReservationExchange(count: 1, mayBlock: false)
      let result = await exchange.run([.reserveJob(number)], on: connection, within: nil)
      return try await accept(result, on: connection) ?? (result.ranDry ? .timedOut : nil)
    }
  }

  /// Whole seconds, as the server counts; what is left then is polled.
  private func waitingTime(until deadline: ContinuousClock.Instant?) -> UInt32 {
    guard let deadline else { return UInt32(Self.longestWait) }
    let seconds = (deadline - .now).components.seconds
    return UInt32(min(max(0, seconds), Self.longestWait))
  }

  /// Calls `body` while nobody else reserves, until it returns something, as often as it takes.
  private func takeTurn(
    until deadline: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation,
    _ body: (Connection) async throws -> Reserved?
  ) async throws -> Reserved {
    while isReserving {
      try check()
      if hasPassed(deadline) { return .timedOut }
      await turns.wait(until: deadline)
    }
    isReserving = true
    defer {
      isReserving = false
      turns.signal()
    }
    var hasTried = false
    while true {
      try check()
      if let connection, held.count < options.maximumReservations {
        // At the deadline the server is asked once in any case.
        if hasTried, hasPassed(deadline) { return .timedOut }
        hasTried = true
        if let reserved = try await body(connection) { return reserved }
      } else {
        if hasPassed(deadline) {
          if isUp { return .timedOut }
          throw latestError
        }
        await changes.wait(until: deadline)
      }
    }
  }

  private func check() throws {
    try Task.checkCancellation()
    if isClosed { throw latestError }
  }

  private func hasPassed(_ deadline: ContinuousClock.Instant?) -> Bool { deadline.map { $0 <= .now } ?? false }

  private func pause(until deadline: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation) async {
    let next = ContinuousClock.now + Self.pollInterval
    await changes.wait(until: deadline.map { min($0, next) } ?? next)
  }

  /// - Returns: nil if there is nothing to hand over, and asking again may help.
  private func accept(_ result: ReservationExchange.Result, on connection: Connection) async throws -> Reserved? {
    guard !result.jobs.isEmpty else {
      try check()
      if result.deadlineSoon { return .deadlineSoon }
      // A connection that broke is made anew meanwhile.
      if let failure = result.failure, failure.isRefusal { throw failure }
      return nil
    }
    let (instance, generation) = (self.instance, self.generation)
    var news = Dictionary(result.jobs.map { ($0.number, Held()) }) { $1 }
    if options.touches { await learnTimes(of: &news, on: connection) }
    if Task.isCancelled || isClosed {
      giveBack(Array(news.keys), on: connection)
      try check()
    }
    // They are the server's again if the connection broke meanwhile.
    guard connection.isOpen, generation == self.generation else { return nil }
    held.merge(news) { $1 }
    setTouchTimer()
    return .jobs(result.jobs, instance: instance, generation: generation)
  }

  /// What was reserved for somebody who doesn't want it any more becomes ready, with the priority that it had.
  ///
  /// If nothing else is held the connection is closed, which does the same in one step.
  private func giveBack(_ numbers: [UInt64], on connection: Connection) {
    if held.isEmpty { return connection.close(BeanstalkError(.closed, "the reserve was cancelled")) }
    let (instance, generation) = (self.instance, self.generation)
    endpoint.actor.spawn {
      for number in numbers {
        _ = try? await self.settle(
          .release(priority: nil, delay: 0), number, instance: instance, generation: generation)
      }
    }
  }

  // MARK: Touching

  /// Jobs whose time isn't known, because they are gone, aren't touched.
  private func learnTimes(of jobs: inout [UInt64: Held], on connection: Connection) async {
    let numbers = Array(jobs.keys)
    guard let answers = try? await connection.ask(numbers.map(Command.statsJob)) else { return }
    for (number, answer) in zip(numbers, answers) {
      guard case .ok = answer.reply else { continue }
      let timeToRun = Duration.seconds(max(1, JobStatistics(yaml: answer.body).timeToRun))
      jobs[number] = Held(timeToRun: timeToRun, nextTouch: .now + timeToRun / 3)
    }
  }

  /// One timer for all, at the earliest touch that is due.
  private func setTouchTimer() {
    touchTimer?.cancel()
    touchTimer = nil
    guard let next = held.values.compactMap(\.nextTouch).min() else { return }
    touchTimer = loop.schedule(at: next) { [weak self] in self?.touch() }
  }

  private func touch() {
    touchTimer = nil
    guard let connection else { return }
    let due = held.filter { $0.value.nextTouch.map { $0 <= loop.now } ?? false }
    for (number, job) in due { held[number]?.nextTouch = .now + job.timeToRun / 3 }
    setTouchTimer()
    let numbers = Array(due.keys)
    endpoint.actor.spawn {
      guard let answers = try? await connection.ask(numbers.map(Command.touch)) else { return }
      // Too late: somebody else may have it. Whoever holds it learns of that when it is settled.
      for (number, answer) in zip(numbers, answers) where answer.reply == .notFound {
        self.held[number]?.nextTouch = nil
      }
    }
  }
}
