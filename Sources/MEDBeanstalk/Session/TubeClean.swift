import MEDCore
import MEDLoop

/// Deletes the jobs that a tube has at the beginning, while others go on putting and taking.
///
/// Which those are is known by their numbers, which only grow: a job that is put and deleted at once tells the first
/// number that is too new. Each is named by a peek, which shows the first one alone. A newer one that stands in front (of
/// more urgent priority, or due earlier) is reserved until the tube is clean, and given back as it was. Only a buried one
/// isn't: it may be in flight, and would be pushed twice. It is waited for.
struct TubeClean {
  /// Newer jobs that are put aside at a time; past them a state counts as clean.
  static let maximumHeld = 10_000
  /// How long a newer buried job may stand in front.
  static let patience = Duration.seconds(30)
  private static let pause = Duration.milliseconds(50)
  /// So that nobody takes the probe meanwhile.
  private static let probeDelay: UInt32 = 3_600

  let tube: TubeName
  let looks: StatisticsConnection
  let loop: EventLoop

  private struct Held {
    let number: UInt64
    let priority: UInt32
    /// When its delay is over.
    let due: ContinuousClock.Instant
  }

  /// - Parameter progress: called with the number deleted so far; false ends it.
  /// - Returns: how many were deleted.
  func run(progress: (Int) -> Bool) async throws(BeanstalkError) -> Int {
    guard try await looks.statistics(of: tube) != nil else { return 0 }
    var held: [Held] = []
    do throws(BeanstalkError) {
      let deleted = try await clean(&held, progress)
      try await giveBack(held)
      return deleted
    } catch {
      try? await giveBack(held)
      throw error
    }
  }

  private func clean(_ held: inout [Held], _ progress: (Int) -> Bool) async throws(BeanstalkError) -> Int {
    let end = try await firstNumberTooNew()
    var deleted = 0
    // Delayed ones become ready meanwhile, and ready ones are buried by whoever takes them.
    for state in [TubeSweep.State.ready, .delayed, .ready, .buried] {
      var waited = Duration.zero
      // Buried jobs stand in the order in which they were buried: one that is put from now on comes after all older ones.
      let last = state == .buried ? try await firstNumberTooNew() : .max
      var next = try await first(state)
      while let number = next {
        if number < end {
          var goesOn = true
          let before = deleted
          deleted += try await TubeSweep(tube: tube, state: state, verb: .delete).run(below: end, on: looks) { done in
            goesOn = progress(before + done)
            return goesOn
          }
          guard goesOn else { return deleted }
          waited = .zero
          next = try await first(state)
        } else if state == .buried {
          guard number < last, waited < Self.patience, progress(deleted) else { break }
          guard (try? await loop.sleep(for: Self.pause)) != nil else { return deleted }
          waited += Self.pause
          next = try await first(state)
        } else {
          guard held.count < Self.maximumHeld, progress(deleted) else { break }
          next = try await hold(number, state, &held)
        }
      }
    }
    return deleted
  }

  /// - Returns: .max if the server takes no jobs: then none is put meanwhile either.
  private func firstNumberTooNew() async throws(BeanstalkError) -> UInt64 {
    guard let name = TubeName("medispatcher.clean.\(UInt64.random(in: 0 ... .max))") else { return .max }
    let answers = try await looks.ask(
      .use(name), .put(body: [], priority: .max, delay: Self.probeDelay, timeToRun: 1), .use(.standard))
    guard answers.count == 3, case .using = answers[0].reply else {
      throw BeanstalkError.refusal(answers.first?.text ?? "nothing", to: "use")
    }
    guard case .inserted(let number) = answers[1].reply else {
      if answers[1].reply == .draining || answers[1].reply == .outOfMemory { return .max }
      throw BeanstalkError.refusal(answers[1].text, to: "put")
    }
    _ = try await looks.ask(.delete(number))
    return number
  }

  private func first(_ state: TubeSweep.State) async throws(BeanstalkError) -> UInt64? {
    try await looks.peek(state.peek, in: tube)?.number
  }

  /// All of it in one write: others put newer jobs as fast as these are put aside.
  /// - Returns: the job that is the first one then; nil if there is none, or if the server can't reserve a job by its number
  ///   (before 1.12).
  private func hold(
    _ number: UInt64, _ state: TubeSweep.State, _ held: inout [Held]
  ) async throws(BeanstalkError) -> UInt64? {
    let answers = try await looks.ask(
      .statsJob(number), .reserveJob(number), .use(tube), state.peek, .use(.standard))
    guard answers.count == 5, case .using = answers[2].reply else {
      throw BeanstalkError(.refused, "use was answered with \(answers.map(\.text).joined(separator: ", "))")
    }
    switch answers[1].reply {
    case .reserved:
      let job = try StatisticsConnection.body(of: answers[0]).map(JobStatistics.init(yaml:))
      // The server rounds down: a job that was delayed isn't ready before its time.
      let delay =
        job?.state == .delayed ? Duration.seconds(min(max(0, job?.timeLeft ?? 0), Int(UInt32.max)) + 1) : .zero
      held.append(Held(number: number, priority: job?.priority ?? Put.priority, due: .now + delay))
    case .notFound: break
    case .unknownCommand: return nil
    default: throw BeanstalkError.refusal(answers[1].text, to: "reserve-job")
    }
    guard case .found(let next, _) = answers[3].reply else { return nil }
    return next
  }

  private func giveBack(_ held: [Held]) async throws(BeanstalkError) {
    var rest = held[...]
    while !rest.isEmpty {
      let commands = rest.prefix(100).map { job in
        Command.release(
          job.number, priority: job.priority, delay: UInt32(clamping: (job.due - .now).components.seconds))
      }
      rest = rest.dropFirst(commands.count)
      _ = try await looks.ask(commands)
    }
  }
}

extension BeanstalkServer {
  /// Deletes the jobs that `tube` has now, ready, delayed and buried ones; see ``BeanstalkClient/clean(_:progress:)``.
  public func clean(_ tube: TubeName, progress: (Int) -> Bool = { _ in true }) async throws(BeanstalkError) -> Int {
    try await TubeClean(tube: tube, looks: looks, loop: endpoint.actor.loop).run(progress: progress)
  }
}
