import MEDCore

/// Goes through the jobs of one tube in one state, from the first on: kicks or deletes each by its number.
///
/// `kick-job` of a number that `peek-buried` has just named can't wake a delayed job: a buried one becomes delayed only by
/// the hand of a consumer that takes it and releases it with a delay within that instant. The price is one round trip for
/// each job; ``BuriedKick`` pays it for the last ones of a tube.
struct TubeSweep {
  enum State: Sendable {
    case ready, delayed, buried

    var peek: Command {
      switch self {
      case .ready: .peekReady
      case .delayed: .peekDelayed
      case .buried: .peekBuried
      }
    }
  }

  let tube: TubeName
  let state: State
  let verb: SettleBatch.Verb

  /// - Parameters:
  ///   - limit: how many jobs at most, so that it ends while others keep adding some.
  ///   - end: the first job with such a number, or a greater one, ends it.
  ///   - progress: called with the number done so far; false ends it.
  /// - Returns: how many were kicked or deleted by this call.
  func run(
    atMost limit: Int = .max, below end: UInt64 = .max, on looks: StatisticsConnection, progress: (Int) -> Bool
  ) async throws(BeanstalkError) -> Int {
    guard limit > 0, var number = try await looks.peek(state.peek, in: tube)?.number, number < end else { return 0 }
    var done = 0
    var tried = 0
    while true {
      tried += 1
      // All of it in one write, and none of it depends on what came before.
      let answers = try await looks.ask(
        verb.command(number), .use(tube), tried < limit ? state.peek : .use(tube), .use(.standard))
      guard answers.count == 4, case .using = answers[1].reply else {
        throw BeanstalkError(.refused, "use was answered with \(answers.map(\.text).joined(separator: ", "))")
      }
      if answers[0].reply == verb.success {
        done += 1
      } else if answers[0].reply != .notFound {
        // It would be named again and again.
        throw BeanstalkError.refusal(answers[0].text, to: "job \(number)")
      }
      guard progress(done), case .found(let next, _) = answers[2].reply, next < end else { return done }
      number = next
    }
  }
}

extension BeanstalkServer {
  /// What the server knows of a job.
  /// - Returns: nil if there is no such job.
  public func statistics(ofJob number: UInt64) async throws(BeanstalkError) -> JobStatistics? {
    try await looks.statistics(ofJob: number)
  }
}
