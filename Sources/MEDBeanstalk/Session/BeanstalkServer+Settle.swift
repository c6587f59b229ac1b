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
    if jobs.allSatisfy({ $0.id.instance == instance }) {
      return await withUnsafeContinuation { continuation in
        let batch = SettleBatch(verb, count: jobs.count) { continuation.resume(returning: $0) }
        command.settle(verb, jobs.lazy.map(\.id.number), batch)
      }
    }
    // One by one, on the one connection: what was looked at must be what is settled.
    var outcomes: [SettleOutcome] = []
    for job in jobs {
      outcomes.append(await settle(verb, job, isKnown: job.id.instance == instance, on: connection))
    }
    return outcomes
  }

  private func settle(
    _ verb: SettleBatch.Verb, _ job: Job, isKnown: Bool, on connection: Connection
  ) async -> SettleOutcome {
    do throws(BeanstalkError) {
      if !isKnown {
        switch try await Self.look(at: job, on: connection) {
        case .same: break
        case .stranger: return .done
        case .missing: return .notFound
        }
      }
      guard let answer = try await connection.ask(verb.command(job.id.number)).first else {
        return .failed("no answer")
      }
      if answer.reply == verb.success { return .done }
      return answer.reply == .notFound ? .notFound : .failed(answer.text)
    } catch {
      return .failed(error.message)
    }
  }

  private enum Look {
    case same(JobStatistics)
    case stranger
    case missing
  }

  /// A job is the same if it lies in the same tube and has the same bytes.
  private static func look(at job: Job, on connection: Connection) async throws(BeanstalkError) -> Look {
    let answers = try await connection.ask(.statsJob(job.id.number), .peek(job.id.number))
    guard answers.count == 2, let yaml = try StatisticsConnection.body(of: answers[0]),
      let body = try StatisticsConnection.body(of: answers[1])
    else { return .missing }
    let statistics = JobStatistics(yaml: yaml)
    return statistics.tube == job.tube.description && body == job.body ? .same(statistics) : .stranger
  }

  /// - Returns: nil if there is no such job, or a stranger with its number.
  func look(at job: Job) async throws(BeanstalkError) -> JobStatistics? {
    guard let connection = idlestCommandConnection?.connection else {
      throw BeanstalkError(.unreachable, "not connected")
    }
    guard case .same(let statistics) = try await Self.look(at: job, on: connection) else { return nil }
    return statistics
  }
}
