import MEDCore
import MEDLoop

/// Kicks the buried jobs that one tube has now, in batches, looking anew before each.
struct BuriedKick {
  /// Batches in a row that may come to nothing while the number of buried jobs stays the same.
  private static let patience = 3
  /// A look that is older (our process was stopped meanwhile, say) tells nothing about the present.
  private static let freshness = Duration.milliseconds(5)

  let tube: TubeName
  let looks: StatisticsConnection

  /// - Parameters:
  ///   - limit: how many jobs at most. Jobs that are buried meanwhile make it none longer.
  ///   - isAllowed: asked before each batch; false ends it.
  ///   - progress: called with the number kicked so far; false ends it.
  /// - Returns: how many were kicked.
  func run(
    atMost limit: Int, while isAllowed: (TubeStatistics) -> Bool, progress: (Int) -> Bool
  ) async throws(BeanstalkError) -> Int {
    guard var seen = try await looks.statistics(of: tube) else { return 0 }
    var time = ContinuousClock.now
    let wanted = min(limit, seen.buried)
    var kicked = 0
    var failures = 0
    while kicked < wanted, isAllowed(seen) {
      let step = KickStep(
        seen, wanted: wanted - kicked, batch: looks.pace.batch, isFresh: ContinuousClock.now - time < Self.freshness)
      guard let outcome = try await take(step, { progress(kicked + $0) }) else { return kicked }
      kicked += outcome.kicked
      guard outcome.goesOn, let next = outcome.seen else { return kicked }
      time = ContinuousClock.now
      failures = outcome.kicked > 0 || next.buried < seen.buried ? 0 : failures + 1
      guard failures < Self.patience else {
        throw BeanstalkError(.refused, "it kicks none of \(next.buried) buried jobs: no room in its binlog?")
      }
      seen = next
    }
    return kicked
  }

  private struct Outcome {
    let kicked: Int
    let goesOn: Bool
    /// Nil: the tube is gone.
    let seen: TubeStatistics?
  }

  /// - Returns: nil if there is nothing to do.
  private func take(_ step: KickStep, _ progress: (Int) -> Bool) async throws(BeanstalkError) -> Outcome? {
    switch step {
    case .done: return nil
    case .batch(let count):
      let (kicked, seen) = try await kick(count)
      return Outcome(kicked: kicked, goesOn: progress(kicked), seen: seen)
    case .byNumber(let count):
      var goesOn = true
      let kicked = try await TubeSweep(tube: tube, state: .buried, verb: .kick).run(atMost: count, on: looks) { done in
        goesOn = progress(done)
        return goesOn
      }
      return Outcome(kicked: kicked, goesOn: goesOn, seen: goesOn ? try await looks.statistics(of: tube) : nil)
    }
  }

  /// All in one write, the next look too: one round trip a batch.
  private func kick(_ count: Int) async throws(BeanstalkError) -> (kicked: Int, seen: TubeStatistics?) {
    let (answers, time) = try await looks.time(
      .use(tube), .kick(bound: UInt32(clamping: count)), .use(.standard), .statsTube(tube))
    guard answers.count == 4, case .using = answers[0].reply else {
      throw BeanstalkError.refusal(answers.first?.text ?? "nothing", to: "use")
    }
    guard case .kickedCount(let kicked) = answers[1].reply else {
      throw BeanstalkError.refusal(answers[1].text, to: "kick")
    }
    looks.pace.kicked(kicked, within: time)
    return (kicked, try StatisticsConnection.body(of: answers[3]).map(TubeStatistics.init(yaml:)))
  }
}

extension BeanstalkServer {
  /// Kicks the buried jobs that `tube` has now to ready, and never a delayed one; see
  /// ``BeanstalkClient/kickBuried(in:atMost:while:progress:)``.
  public func kickBuried(
    in tube: TubeName, atMost limit: Int = .max, while isAllowed: (TubeStatistics) -> Bool = { _ in true },
    progress: (Int) -> Bool = { _ in true }
  ) async throws(BeanstalkError) -> Int {
    try await BuriedKick(tube: tube, looks: looks).run(atMost: limit, while: isAllowed, progress: progress)
  }
}
