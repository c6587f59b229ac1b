import MEDCore
import MEDLoop

/// A job that may lie buried with nobody to care for it: its bury got no answer, or its put was answered BURIED.
struct AdriftJob {
  let id: JobID
  let tube: TubeName
  let body: [UInt8]
  var checks = 0
}

/// Puts adrift jobs back to ready. Confined to its loop.
///
/// A job that another of our connections has got hold of meanwhile is left alone. One that the server still takes for
/// reserved by the broken connection is looked at again: the bury may be on its way.
final class AdriftJobs {
  /// Beyond this one is forgotten for each that comes, and stays buried until kicked by hand.
  private static let maximum = 10_000
  private static let checkInterval = Duration.seconds(1)
  /// A little more than the time to run, after which the server itself puts a reserved job back.
  private static let maximumChecks = 90

  private weak var server: BeanstalkServer?
  private let endpoint: Endpoint
  private var jobs: [JobID: AdriftJob] = [:]
  private var isSettling = false
  private var timer: LoopTimer?

  init(_ endpoint: Endpoint, server: BeanstalkServer) {
    self.endpoint = endpoint
    self.server = server
  }

  var isEmpty: Bool { jobs.isEmpty }
  var count: Int { jobs.count }
  /// Whether each has been asked for at least once.
  var isLookedAt: Bool { jobs.values.allSatisfy { $0.checks > 0 } }

  func add(_ adrift: [AdriftJob]) {
    if adrift.isEmpty { return }
    for job in adrift {
      if jobs.count >= Self.maximum, let victim = jobs.keys.first {
        jobs[victim] = nil
        endpoint.configuration.logger.warning(
          "too many jobs adrift: one stays buried",
          metadata: [LogKey.queueServer: "\(endpoint.address)", LogKey.jobID: "\(victim.number)"])
      }
      jobs[job.id] = job
    }
    settle()
  }

  /// These are ours again: reserved and buried by another connection.
  func areOurs(_ taken: [Job]) {
    if jobs.isEmpty { return }
    for job in taken { jobs[job.id] = nil }
  }

  /// To be called when a command connection comes up.
  func settle() {
    guard !isSettling, !jobs.isEmpty, let server else { return }
    isSettling = true
    endpoint.actor.spawn {
      await self.settleAll(server)
      self.isSettling = false
    }
  }

  private func settleAll(_ server: BeanstalkServer) async {
    for id in Array(jobs.keys) {
      // A command connection that comes up calls again.
      guard server.isReachable else { return }
      guard let job = jobs[id] else { continue }
      do throws(BeanstalkError) {
        try await settle(job, server)
      } catch {
        break
      }
    }
    if !jobs.isEmpty { checkAgainLater() }
  }

  private func settle(_ adrift: AdriftJob, _ server: BeanstalkServer) async throws(BeanstalkError) {
    let job = Job(id: adrift.id, tube: adrift.tube, body: adrift.body)
    switch await server.settle(.kick, [job]).first {
    case .failed(let reason): throw BeanstalkError(.connectionLost, reason)
    case .notFound:
      let state = try await server.look(at: job)?.state
      if state == .reserved, adrift.checks < Self.maximumChecks {
        jobs[job.id]?.checks += 1
      } else if state != .buried {
        jobs[job.id] = nil
      }
    case .done, nil: jobs[job.id] = nil
    }
  }

  private func checkAgainLater() {
    guard timer == nil else { return }
    timer = endpoint.actor.loop.schedule(after: Self.checkInterval) { [weak self] in
      self?.timer = nil
      self?.settle()
    }
  }
}
