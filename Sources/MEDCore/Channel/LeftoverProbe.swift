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

  /// Names that are looked through before others on the loop get their turn.
  static let namesPerTurn = 256

  /// What time is to a probe. Tests pass their own.
  struct Timing {
    var now: () -> ContinuousClock.Instant = { .now }
    var sleep: (Duration) async -> Void
  }

  private let context: EngineContext
  private let desk: ServerDesk
  private let supervisor: LaneSupervisor
  private let timing: Timing
  private var isStopped = false
  /// Tubes that belong to nobody here, as of the last look.
  private(set) var foreignTubes = 0

  init(_ context: EngineContext, _ desk: ServerDesk, _ supervisor: LaneSupervisor, timing: Timing? = nil) {
    self.context = context
    self.desk = desk
    self.supervisor = supervisor
    let loop = context.actor.loop
    self.timing = timing ?? Timing { try? await loop.sleep(for: $0) }
  }

  func stop() { isStopped = true }

  func run() async {
    while !isStopped {
      if desk.queue.isReachable { try? await look() }
      await timing.sleep(Self.interval)
    }
  }

  /// One round over all tubes.
  func look() async throws {
    let server = try await measured { try await $0.statistics() }
    guard server.ready > 0 || server.delayed > 0 else { return }
    let main = try await measured { try await $0.statistics(of: self.context.configuration.mainQueue) }
    guard server.ready > (main?.ready ?? 0) || server.delayed > (main?.delayed ?? 0) else { return }
    var foreign = 0
    for (index, name) in try await measured({ try await $0.tubes() }).enumerated() {
      if index % Self.namesPerTurn == Self.namesPerTurn - 1 { await Task.yield() }
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
    let start = timing.now()
    let answer = try await ask(desk.queue)
    await timing.sleep((timing.now() - start) * Self.restFactor)
    return answer
  }
}
