import MEDBeanstalk
import MEDCore
import MEDLoop

/// Kicks the buried jobs of one tube on one queue server, over a connection of its own: for `medctl kick` and the admin
/// API.
struct TubeKick: Sendable {
  let tube: TubeName
  /// Jobs at most.
  var limit = Int.max
  /// Also where somebody works on the tube.
  var includesWatched = false
  /// When it ends with what was done; nil: it takes as long as it takes.
  var deadline: ContinuousClock.Instant?

  /// - Parameter progress: told how many were kicked, and of how many.
  func run(
    at server: QueueServerAddress, patience: Duration = .seconds(5),
    progress: @escaping @Sendable (_ done: Int, _ wanted: Int) -> Void = { _, _ in }
  ) async -> KickReport.Server {
    var seen = KickReport.Server(address: server.description)
    do {
      let client = try await BeanstalkClient.connect(to: server, configuration: .forTools, patience: patience)
      await kick(client, progress, &seen)
      await client.close(within: .zero)
    } catch {
      seen.outcome = .failed((error as? BeanstalkError)?.message ?? "\(error)")
    }
    return seen
  }

  private func kick(
    _ client: BeanstalkClient, _ progress: @escaping @Sendable (Int, Int) -> Void, _ seen: inout KickReport.Server
  ) async {
    do {
      guard let statistics = try await client.statistics(of: tube) else { return }
      seen.buried = statistics.buried
      guard statistics.watching == 0 || includesWatched else {
        seen.outcome = .watched(by: statistics.watching)
        return
      }
      let wanted = min(limit, statistics.buried)
      let includesWatched = includesWatched
      let deadline = deadline
      let watchers = Locked(0)
      let kicked = Locked(0)
      let isLate = Locked(false)
      defer { seen.kicked = kicked.withLock { $0 } }
      _ = try await client.kickBuried(in: tube, atMost: wanted) { now in
        watchers.withLock { $0 = now.watching }
        return now.watching == 0 || includesWatched
      } progress: { done in
        kicked.withLock { $0 = done }
        progress(done, wanted)
        guard let deadline, ContinuousClock.now >= deadline, done < wanted else { return true }
        isLate.withLock { $0 = true }
        return false
      }
      let watching = watchers.withLock { $0 }
      let isCutShort = kicked.withLock { $0 } < wanted && watching > 0 && !includesWatched
      seen.outcome = isCutShort ? .watched(by: watching) : isLate.withLock { $0 } ? .unfinished : .kicked
    } catch {
      seen.outcome = .failed((error as? BeanstalkError)?.message ?? "\(error)")
    }
  }
}
