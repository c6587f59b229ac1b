import Logging
import MEDLoop

/// Keeps a lane for every channel where there is something to do, and for no other.
final class LaneSupervisor {
  private struct Key: Hashable {
    let subscription: Int
    let kind: Lane.Kind
  }

  private let context: EngineContext
  private var lanes: [Key: Lane] = [:]
  /// Those of cancelled subscriptions, until what they have in hand is settled.
  private var leaving: [Lane] = []
  private var isStopped = false

  init(_ context: EngineContext) { self.context = context }

  var awake: Int { lanes.count }
  /// Those that are awake, and those that leave.
  var all: [Lane] { Array(lanes.values) + leaving }

  /// Pushes of a subscription that are under way.
  func inFlight(_ subscription: Int, _ kind: Lane.Kind) -> Int {
    lanes[Key(subscription: subscription, kind: kind)]?.inFlight ?? 0
  }

  /// `jobs` became ready in a channel.
  func announce(_ channel: SubscribedChannel, _ kind: Lane.Kind, _ jobs: Int, at desk: Int) {
    lane(channel, kind)?.announce(jobs, at: desk)
  }

  /// The first delayed job that a channel has on a server becomes ready after `delay`.
  func noteDelayed(_ channel: SubscribedChannel, _ kind: Lane.Kind, at desk: Int, after delay: Duration) {
    lane(channel, kind)?.noteDelayed(at: desk, after: delay)
  }

  /// Whether a lane takes from the channel on a server, so that nobody else has to look what is there. One that only waits
  /// for its delayed jobs does not.
  func isTaking(subscription: Int, _ kind: Lane.Kind, at desk: Int) -> Bool {
    lanes[Key(subscription: subscription, kind: kind)]?.isTaking(at: desk) ?? false
  }

  private func lane(_ channel: SubscribedChannel, _ kind: Lane.Kind) -> Lane? {
    let key = Key(subscription: channel.id, kind: kind)
    if let lane = lanes[key] { return lane }
    guard !isStopped, let names = channel.names else { return nil }
    // What is announced may be an older state of the subscription than the one in force.
    guard let current = context.directory.channel(channel.id) else { return nil }
    let lane = Lane(
      kind, current, tube: kind == .channel ? names.channel : names.retry, context,
      retryLane: { [weak self] in self?.lane($0, .retry) })
    lanes[key] = lane
    context.logger.debug("lane wakes", metadata: [LogKey.tube: "\(lane.tube)"])
    return lane
  }

  /// Subscriptions have changed: lanes take the new state, those of cancelled ones stop.
  func apply(_ changes: SubscriptionChanges) {
    for id in changes.changed + changes.added {
      guard let channel = context.directory.channel(id) else { continue }
      for kind in [Lane.Kind.channel, .retry] {
        guard let lane = lanes[Key(subscription: id, kind: kind)] else { continue }
        // With another topic it has other tubes.
        if lane.channel.names == channel.names { lane.replace(channel) } else { dismiss(id, kind) }
      }
    }
    for id in changes.cancelled {
      for kind in [Lane.Kind.channel, .retry] { dismiss(id, kind) }
    }
  }

  /// A subscription that comes back gets another lane.
  private func dismiss(_ subscription: Int, _ kind: Lane.Kind) {
    guard let lane = lanes.removeValue(forKey: Key(subscription: subscription, kind: kind)) else { return }
    leaving.append(lane)
    lane.stop()
  }

  /// Looks the lanes over with each whole second: they ask again, and are put to sleep.
  func run() async {
    while !isStopped {
      try? await context.actor.loop.sleep(for: context.countSeconds())
      _ = context.countSeconds()
      tick()
      context.pushes.tend(at: context.second)
    }
  }

  private func tick() {
    let now = context.actor.loop.now
    var asleep: [Key] = []
    for (key, lane) in lanes where lane.tick(now: now) { asleep.append(key) }
    for key in asleep {
      guard let lane = lanes.removeValue(forKey: key) else { continue }
      lane.close()
      context.logger.debug("lane goes to sleep", metadata: [LogKey.tube: "\(lane.tube)"])
    }
    leaving.removeAll { lane in
      let isOver = lane.tick(now: now)
      if isOver { lane.close() }
      return isOver
    }
  }

  /// Takes nothing more; what has not begun goes back.
  func stop() {
    isStopped = true
    for lane in lanes.values { lane.stop() }
  }

  func close() {
    for lane in lanes.values { lane.close() }
    for lane in leaving { lane.close() }
    lanes = [:]
    leaving = []
  }
}
