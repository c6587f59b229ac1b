import MEDCore
import MEDLoop

/// A job that may lie buried with nobody to care for it: its bury got no answer, or its put was answered BURIED.
struct AdriftJob {
  let id: JobID
  let tube: TubeName
  let body: [UInt8]
  var looks = 0
  /// Which time that it came adrift.
  var number = 0
}

/// Puts adrift jobs back to ready. Confined to its loop.
///
/// A job that another of our connections has got hold of meanwhile is left alone. One that the server still takes for
/// reserved by the broken connection is looked at again: the bury may be on its way.
///
/// Only what has been seen buried is kicked, and only if it wasn't ours when that was read. We bury after we have read
/// RESERVED, and from then on a job isn't adrift any more: so a job that is seen buried and is adrift still wasn't buried
/// by one of our takes, which a kick would set free under our hands.
final class AdriftJobs {
  /// A little more than the time to run, after which the server itself puts a reserved job back.
  static let maximumLooks = 90

  private weak var server: BeanstalkServer?
  private let endpoint: Endpoint
  private let maximumLooks: Int
  private let pause: Duration
  private var jobs: [JobID: AdriftJob] = [:]
  private var latestNumber = 0
  private var isSettling = false
  private var timer: LoopTimer?

  /// - Parameters:
  ///   - maximumLooks: a job that is still reserved at the last one is left to the server.
  ///   - pause: between two looks.
  init(
    _ endpoint: Endpoint, server: BeanstalkServer, maximumLooks: Int = AdriftJobs.maximumLooks,
    pause: Duration = .seconds(1)
  ) {
    self.endpoint = endpoint
    self.server = server
    self.maximumLooks = maximumLooks
    self.pause = pause
  }

  var isEmpty: Bool { jobs.isEmpty }
  var count: Int { jobs.count }
  /// Whether nothing should be begun that might bring more of them.
  var isFull: Bool { jobs.count >= endpoint.configuration.maximumAdrift }
  /// Whether each has been looked at at least once.
  var isLookedAt: Bool { jobs.values.allSatisfy { $0.looks > 0 } }

  func add(_ adrift: [AdriftJob]) {
    if adrift.isEmpty { return }
    let wasFull = isFull
    for var job in adrift {
      latestNumber += 1
      job.number = latestNumber
      jobs[job.id] = job
    }
    if isFull, !wasFull {
      endpoint.configuration.logger.warning(
        "too many jobs may lie buried: nothing is taken or put until some are settled",
        metadata: [LogKey.queueServer: "\(endpoint.address)", LogKey.count: "\(jobs.count)"])
    }
    settle()
  }

  /// One of our connections has reserved it, and will bury it now. If that gets no answer it is adrift anew.
  func isTaken(_ id: JobID) {
    if !jobs.isEmpty { jobs[id] = nil }
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
    let state = try await server.look(at: job)?.state
    // Taken by one of our connections meanwhile, and perhaps adrift anew.
    guard jobs[job.id]?.number == adrift.number else { return }
    if state == .reserved, adrift.looks + 1 < maximumLooks {
      jobs[job.id]?.looks += 1
      return
    }
    if state == .buried, case .failed(let reason) = await server.settle(.kick, [job]).first {
      throw BeanstalkError(.connectionLost, reason)
    }
    if jobs[job.id]?.number == adrift.number { jobs[job.id] = nil }
  }

  private func checkAgainLater() {
    guard timer == nil else { return }
    timer = endpoint.actor.loop.schedule(after: pause) { [weak self] in
      self?.timer = nil
      self?.settle()
    }
  }
}
