import MEDBeanstalk
import MEDCore
import MEDLoop

/// One tube of one queue server.
struct TubeAmend {
  private let name: String
  private let request: AmendRequest

  init(_ name: String, _ request: AmendRequest) {
    self.name = name
    self.request = request
  }

  struct Result {
    /// Nil: it is gone, has nothing buried, or couldn't be looked at.
    var tube: AmendReport.Tube?
    /// The connection is no good any more.
    var failure: String?
  }

  func run(_ client: BeanstalkClient) async -> Result {
    guard let tube = TubeName(name) else {
      let outcome = AmendReport.Tube.Outcome.failed("not a name that the protocol allows")
      return Result(tube: AmendReport.Tube(name: name, buried: 0, outcome: outcome))
    }
    do {
      guard let seen = try await client.statistics(of: tube), seen.buried > 0 else { return Result() }
      var report = AmendReport.Tube(name: name, buried: seen.buried, left: seen.buried)
      if isInOtherHands(seen) {
        report.outcome = .watched(by: seen.watching)
        return Result(tube: report)
      }
      if request.isDryRun {
        report.outcome = .wouldKick
        return Result(tube: report)
      }
      return await kick(tube, seen, client)
    } catch {
      return Result(failure: ServerAmend.text(of: error))
    }
  }

  private func kick(_ tube: TubeName, _ seen: TubeStatistics, _ client: BeanstalkClient) async -> Result {
    let kicked = Locked(0)
    let latest = Locked(seen)
    var result = Result()
    var report = AmendReport.Tube(name: name, buried: seen.buried)
    do {
      // Bounded by the first look, so that it ends though others go on burying.
      _ = try await client.kickBuried(in: tube, atMost: seen.buried) { now in
        latest.withLock { $0 = now }
        return !Task.isCancelled && !isInOtherHands(now)
      } progress: { count in
        kicked.withLock { $0 = count }
        return !Task.isCancelled
      }
      report.outcome = outcome(kicked: kicked.withLock { $0 }, of: seen.buried, latest.withLock { $0 })
    } catch {
      let isRefusal = (error as? BeanstalkError)?.isAnswer ?? false
      report.outcome =
        Task.isCancelled ? .interrupted : .failed(isRefusal ? Self.text(of: error) : Self.text(of: error) + Self.doubt)
      if !isRefusal { result.failure = Self.text(of: error) }
    }
    report.kicked = kicked.withLock { $0 }
    switch report.outcome {
    case .kicked, .wouldKick: report.left = 0
    case .watched: report.left = latest.withLock { $0.buried }
    case .failed, .interrupted: report.left = max(0, seen.buried - report.kicked)
    }
    result.tube = report
    return result
  }

  private static let doubt = "; what the last batch did isn't known"

  private func outcome(kicked: Int, of buried: Int, _ latest: TubeStatistics) -> AmendReport.Tube.Outcome {
    if kicked >= buried { return .kicked }
    if isInOtherHands(latest) { return .watched(by: latest.watching) }
    return Task.isCancelled ? .interrupted : .kicked
  }

  private func isInOtherHands(_ tube: TubeStatistics) -> Bool { tube.watching > 0 && !request.includesWatched }

  private static func text(of error: any Error) -> String { ServerAmend.text(of: error) }
}

extension BeanstalkError {
  /// The server has answered, so that the connection is still good.
  fileprivate var isAnswer: Bool {
    switch code {
    case .refused, .draining, .outOfMemory, .internalError, .badFormat, .unknownCommand, .expectedCRLF, .jobTooBig: true
    case .unresolved, .unreachable, .connectionLost, .timedOut, .protocolViolation, .badAddress, .closed: false
    }
  }
}
