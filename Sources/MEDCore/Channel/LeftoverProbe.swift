import Logging
import MEDLoop

/// Finds jobs in channels that nobody has announced: the backlog at the start, jobs kicked or put by others.
///
/// Once a second it asks one queue server which tubes exist; those that belong to live subscriptions and that
/// nobody takes from are looked at in turn. It has a connection of its own and uses at most a twentieth of the server's time. Tubes of others
/// are counted, never touched.
final class LeftoverProbe {
  static let interval = Duration.seconds(1)
  /// Pause after a command, as a multiple of the time it took: 1 / (1 + 19) = 5 %.
  static let restFactor = 19

  private let context: EngineContext
  let desk: ServerDesk
  private let supervisor: LaneSupervisor
  private var isStopped = false
  /// Tubes that belong to nobody here, as of the last look.
  private(set) var foreignTubes = 0

  init(_ context: EngineContext, _ desk: ServerDesk, _ supervisor: LaneSupervisor) {
    self.context = context
    self.desk = desk
    self.supervisor = supervisor
  }

  func stop() { isStopped = true }

  func run() async {
    while !isStopped {
      if desk.queue.isReachable { try? await look() }
      try? await context.actor.loop.sleep(for: Self.interval)
    }
  }

  private func look() async throws {
    let server = try await measured { try await $0.statistics() }
    guard server.ready > 0 || server.delayed > 0 else { return }
    let main = try await measured { try await $0.statistics(of: self.context.configuration.mainQueue) }
    guard server.ready > (main?.ready ?? 0) || server.delayed > (main?.delayed ?? 0) else { return }
    var foreign = 0
    for name in try await measured({ try await $0.tubes() }) {
      guard !isStopped else { return }
      guard let owner = context.directory.owner(ofTube: name), let tube = TubeName(name) else {
        foreign += 1
        continue
      }
      let kind: Lane.Kind = owner.isRetry ? .retry : .channel
      guard !supervisor.isTaking(subscription: owner.subscription, kind, at: desk.index) else { continue }
      try await look(at: tube, of: owner, kind)
    }
    foreignTubes = foreign
  }

  private func look(at tube: TubeName, of owner: TubeOwner, _ kind: Lane.Kind) async throws {
    guard let statistics = try await measured({ try await $0.statistics(of: tube) }) else { return }
    var untilNext: Duration?
    if statistics.delayed > 0 {
      untilNext = try await measured { try await $0.timeUntilNextDelayed(in: tube) }
    }
    guard !isStopped, let channel = context.directory.channel(owner.subscription) else { return }
    if statistics.ready > 0 { supervisor.announce(channel, kind, statistics.ready, at: desk.index) }
    if let untilNext { supervisor.noteDelayed(channel, kind, at: desk.index, after: untilNext) }
  }

  /// Asks the server, then rests in proportion to the time that the answer took.
  private func measured<Answer>(_ ask: (any QueueServer) async throws -> Answer) async throws -> Answer {
    let start = ContinuousClock.now
    let answer = try await ask(desk.queue)
    try? await context.actor.loop.sleep(for: (ContinuousClock.now - start) * Self.restFactor)
    return answer
  }
}
