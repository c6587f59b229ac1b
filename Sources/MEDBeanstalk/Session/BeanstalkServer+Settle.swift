import MEDCore

extension BeanstalkServer {
  /// Deletes jobs; one outcome for each, in order. A job of another run of the server is looked at first.
  public func delete(_ jobs: [Job]) async -> [SettleOutcome] {
    switch custody {
    case .buried: await settle(.delete, jobs)
    case .reserved(let held): await held.delete(jobs)
    }
  }

  /// Gives jobs back: kicks those that are buried, releases those that are reserved; one outcome for each, in order.
  public func kick(_ jobs: [Job]) async -> [SettleOutcome] {
    switch custody {
    case .buried: await settle(.kick, jobs)
    case .reserved(let held): await held.release(jobs)
    }
  }

  /// Over a command connection, which holds nothing: a reserved job is NOT_FOUND to it.
  func settle(_ verb: SettleBatch.Verb, _ jobs: [Job]) async -> [SettleOutcome] {
    if jobs.isEmpty { return [] }
    guard let command = idlestCommandConnection, let connection = command.connection else {
      return Array(repeating: .failed("not connected"), count: jobs.count)
    }
    let instance = command.instance
    let others = jobs.indices.filter { jobs[$0].id.instance != instance }
    if others.isEmpty { return await settle(verb, jobs, over: command) }
    let known = jobs.indices.filter { jobs[$0].id.instance == instance }
    var outcomes = Array(repeating: SettleOutcome.failed("not connected"), count: jobs.count)
    if !known.isEmpty {
      let answers = await settle(verb, known.map { jobs[$0] }, over: command)
      for (place, answer) in zip(known, answers) { outcomes[place] = answer }
    }
    for start in stride(from: 0, to: others.count, by: Self.looksTogether) {
      let places = others[start..<min(start + Self.looksTogether, others.count)]
      let answers = await settleAfterLook(verb, places.map { jobs[$0] }, on: connection)
      for (place, answer) in zip(places, answers) { outcomes[place] = answer }
    }
    return outcomes
  }

  /// Jobs of the run that the connection is to.
  private func settle(
    _ verb: SettleBatch.Verb, _ jobs: [Job], over command: CommandConnection
  ) async -> [SettleOutcome] {
    await withUnsafeContinuation { continuation in
      let batch = SettleBatch(verb, count: jobs.count) { continuation.resume(returning: $0) }
      command.settle(verb, jobs.lazy.map(\.id.number), batch)
    }
  }

  /// Jobs of another run whose bytes are asked for together.
  private static let looksTogether = 16

  /// All on the one connection: what was looked at must be what is settled.
  private func settleAfterLook(
    _ verb: SettleBatch.Verb, _ jobs: [Job], on connection: Connection
  ) async -> [SettleOutcome] {
    do throws(BeanstalkError) {
      let answers = try await connection.ask(
        jobs.flatMap { [Command.statsJob($0.id.number), .peek($0.id.number)] })
      var outcomes: [SettleOutcome] = []
      var same: [Int] = []
      for (place, job) in jobs.enumerated() {
        switch try Self.look(answers.dropFirst(2 * place).prefix(2), job) {
        case .same:
          same.append(place)
          outcomes.append(.failed("no answer"))
        case .stranger: outcomes.append(.done)
        case .missing: outcomes.append(.notFound)
        }
      }
      if same.isEmpty { return outcomes }
      for (place, answer) in zip(same, try await connection.ask(same.map { verb.command(jobs[$0].id.number) })) {
        outcomes[place] =
          answer.reply == verb.success ? .done : answer.reply == .notFound ? .notFound : .failed(answer.text)
      }
      return outcomes
    } catch {
      return Array(repeating: .failed(error.message), count: jobs.count)
    }
  }

  private enum Look {
    case same(JobStatistics)
    case stranger
    case missing
  }

  /// A job is the same if it lies in the same tube and has the same bytes.
  /// - Parameter answers: to `stats-job` and `peek`.
  private static func look(_ answers: some Collection<Answer>, _ job: Job) throws(BeanstalkError) -> Look {
    guard let first = answers.first, let yaml = try StatisticsConnection.body(of: first),
      let second = answers.dropFirst().first, let body = try StatisticsConnection.body(of: second)
    else { return .missing }
    let statistics = JobStatistics(yaml: yaml)
    return statistics.tube == job.tube.description && body == job.body ? .same(statistics) : .stranger
  }

  /// - Returns: nil if there is no such job, or a stranger with its number.
  func look(at job: Job) async throws(BeanstalkError) -> JobStatistics? {
    guard let connection = idlestCommandConnection?.connection else {
      throw BeanstalkError(.unreachable, "not connected")
    }
    let answers = try await connection.ask(.statsJob(job.id.number), .peek(job.id.number))
    guard case .same(let statistics) = try Self.look(answers, job) else { return nil }
    return statistics
  }
}
