import Logging
import MEDLoop

/// Before anything is taken from a queue server: which jobs did a dead dispatcher leave buried there?
///
/// Waits until the server is reached. What is found is logged, and kicked if the configuration says so.
struct OrphanCheck {
  private static let pauses = Duration.milliseconds(10)...Duration.milliseconds(500)
  /// A server that is reached and still doesn't tell is given up.
  private static let patience = Duration.seconds(30)
  /// Tubes that are named one by one.
  private static let maximumNamed = 20

  private let context: EngineContext
  private let desk: ServerDesk

  init(_ context: EngineContext, _ desk: ServerDesk) {
    self.context = context
    self.desk = desk
  }

  func run() async {
    let context = context
    let search = OrphanSearch(
      mainQueue: context.configuration.mainQueue, kicks: context.configuration.kicksOrphansAtStart
    ) { name in
      name == context.configuration.mainQueue.description || context.directory.owner(ofTube: name) != nil
    }
    var pause = Self.pauses.lowerBound
    var reachedAt: ContinuousClock.Instant?
    while !context.isStopping {
      do {
        return report(try await desk.queue.findOrphans(search), kicks: search.kicks)
      } catch {
        if desk.queue.isReachable {
          reachedAt = reachedAt ?? .now
          if let reachedAt, .now - reachedAt > Self.patience {
            return context.logger.warning(
              "it can't be told which jobs are buried",
              metadata: [LogKey.queueServer: "\(desk.queue.address)", LogKey.error: "\(error)"])
          }
        }
      }
      try? await context.actor.loop.sleep(for: pause)
      pause = min(pause * 2, Self.pauses.upperBound)
    }
  }

  private func report(_ found: OrphanReport, kicks: Bool) {
    for tube in found.orphaned.prefix(Self.maximumNamed) {
      log(tube.kicked > 0 ? "kicked jobs that were left buried" : "jobs were left buried", tube)
    }
    for tube in found.watched.prefix(Self.maximumNamed) {
      log("jobs are buried in a tube that others work on, and are left alone", tube)
    }
    guard !found.orphaned.isEmpty else { return }
    let buried = found.orphaned.reduce(0) { $0 + $1.buried }
    let kicked = found.orphaned.reduce(0) { $0 + $1.kicked }
    var metadata: Logger.Metadata = [LogKey.queueServer: "\(desk.queue.address)", LogKey.count: "\(buried)"]
    metadata[LogKey.tubes] = "\(found.orphaned.count)"
    metadata[LogKey.kicked] = "\(kicked)"
    if kicked >= buried {
      return context.logger.info("all jobs that were left buried are ready again", metadata: metadata)
    }
    let advice: Logger.Message =
      if kicks && found.othersAreAtWork {
        "jobs stay buried: another dispatcher works on this queue server; if it doesn't own them run amender"
      } else if kicks {
        "some jobs stay buried: run amender"
      } else {
        "jobs stay buried until they are kicked: run amender, or set KickOrphansAtStart in [Recovery]"
      }
    context.logger.warning(advice, metadata: metadata)
  }

  private func log(_ message: Logger.Message, _ tube: OrphanReport.Tube) {
    context.logger.warning(
      message,
      metadata: [
        LogKey.queueServer: "\(desk.queue.address)", LogKey.tube: "\(tube.name)", LogKey.count: "\(tube.buried)",
      ])
  }
}
