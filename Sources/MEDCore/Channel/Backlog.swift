import Logging
import MEDLoop

/// What is known of the backlog of all queues: samples for everybody who wants to know, and the levels that drop policies
/// go by. Filled by ``BacklogSampler``. Confined to the engine's loop.
///
/// Only tubes that exist have an entry; all others are empty as of the latest list of tubes.
final class Backlog {
  struct Queue: Hashable {
    let subscription: Int
    let kind: Lane.Kind
  }

  /// One queue server.
  private struct Server {
    var mainQueue = BacklogSample()
    private(set) var samples: [Queue: BacklogSample] = [:]
    /// In all of them together.
    private(set) var ready = 0
    /// When it was last told which tubes there are; nil: never.
    var listedAt: ContinuousClock.Instant?

    mutating func set(_ sample: BacklogSample, of queue: Queue) {
      ready += sample.ready - (samples.updateValue(sample, forKey: queue)?.ready ?? 0)
    }

    mutating func replace(_ samples: [Queue: BacklogSample]) {
      self.samples = samples
      ready = samples.values.reduce(0) { $0 + $1.ready }
    }
  }

  private var servers: [Server]
  /// Of channels with a drop policy that get messages or have some: at most as many as there are subscriptions.
  private var levels: [Int: BacklogLevel] = [:]
  /// Told of a channel that a level is needed of and whose latest sample is old.
  var onOldSample: ((Int) -> Void)?
  /// Told of each look into a channel or a retry channel.
  var onSample: ((Queue) -> Void)?
  /// Told of each look into a main queue.
  var onMainQueueSample: (() -> Void)?

  /// Rises with each copy that begins.
  private(set) var moment: UInt64 = 0

  init(servers count: Int) { servers = Array(repeating: Server(), count: count) }

  // MARK: Reading

  /// A channel or a retry channel, over all queue servers.
  func backlog(of subscription: Int, _ kind: Lane.Kind = .channel) -> BacklogSample {
    let queue = Queue(subscription: subscription, kind: kind)
    return .sum(servers.indices.map { sample(of: queue, at: $0) })
  }

  var ofMainQueue: BacklogSample { .sum(servers.map(\.mainQueue)) }

  func ofMainQueue(at server: Int) -> BacklogSample { servers[server].mainQueue }

  /// In all channels and retry channels together, over all queue servers.
  var readyInAllChannels: Int { servers.reduce(0) { $0 + $1.ready } }

  func sample(of queue: Queue, at server: Int) -> BacklogSample {
    servers[server].samples[queue] ?? BacklogSample(takenAt: servers[server].listedAt)
  }

  /// nil if a tube that exists hasn't been looked at yet.
  func latestLook(into queue: Queue, at server: Int) -> ContinuousClock.Instant? {
    servers[server].samples[queue]?.takenAt
  }

  /// All channels and retry channels that exist, over all queue servers; those that are left out are empty.
  var queues: [Queue: BacklogSample] {
    var all: [Queue: BacklogSample] = [:]
    for server in servers {
      for queue in server.samples.keys where all[queue] == nil {
        all[queue] = backlog(of: queue.subscription, queue.kind)
      }
    }
    return all
  }

  /// Those channels and retry channels that have a tube on a server, in no order.
  var existing: [Queue] {
    guard servers.count > 1 else { return servers.first.map { Array($0.samples.keys) } ?? [] }
    return Array(servers.reduce(into: Set()) { $0.formUnion($1.samples.keys) })
  }

  /// When the server that this is longest ago for was told which tubes there are; nil: one never was.
  var listedAt: ContinuousClock.Instant? {
    BacklogSample.sum(servers.map { BacklogSample(takenAt: $0.listedAt) }).takenAt
  }

  func exists(_ queue: Queue) -> Bool { servers.contains { $0.samples[queue] != nil } }

  // MARK: Sampling

  func noteMainQueue(_ sample: BacklogSample, at server: Int) {
    servers[server].mainQueue = sample
    onMainQueueSample?()
  }

  /// Must be given back with the answer to what is asked now.
  func mark(of queue: Queue, at server: Int) -> UInt64 {
    queue.kind == .channel ? levels[queue.subscription]?.mark(at: server) ?? 0 : 0
  }

  /// A server has answered; nil: there is no such tube.
  func note(
    _ statistics: TubeStatistics?, of queue: Queue, at server: Int, since mark: UInt64,
    askedAt: ContinuousClock.Instant
  ) {
    servers[server].set(BacklogSample(statistics ?? TubeStatistics(), at: askedAt), of: queue)
    if queue.kind == .channel { note(ready: statistics?.ready ?? 0, of: queue.subscription, at: server, since: mark) }
    onSample?(queue)
  }

  /// A server has named its tubes: those of ours are `existing`, all others are empty.
  /// - Parameter moment: ``moment`` when it was asked.
  func noteListed(
    _ existing: Set<Queue>, at server: Int, since moment: UInt64, askedAt: ContinuousClock.Instant
  ) {
    servers[server].listedAt = askedAt
    servers[server].replace(servers[server].samples.filter { existing.contains($0.key) })
    noteEmpty(at: server, since: moment) { !existing.contains(Queue(subscription: $0, kind: .channel)) }
  }

  /// Nothing waits on a server but in its main queue.
  /// - Parameter isEmpty: nor there. Where the main queue moves, the numbers of two moments were compared, which is good
  ///   enough to show and not to drop by.
  func noteNothingWaits(
    at server: Int, isEmpty: Bool, since moment: UInt64, askedAt: ContinuousClock.Instant
  ) {
    servers[server].listedAt = askedAt
    servers[server].replace(
      servers[server].samples.compactMapValues { sample in
        sample.buried + sample.reserved == 0
          ? nil : BacklogSample(buried: sample.buried, reserved: sample.reserved, takenAt: askedAt)
      })
    if isEmpty { noteEmpty(at: server, since: moment) { _ in true } }
  }

  private func noteEmpty(at server: Int, since moment: UInt64, _ isEmpty: (Int) -> Bool) {
    for (id, level) in levels where isEmpty(id) && !level.hasCopies(since: moment) {
      note(ready: 0, of: id, at: server, since: 0)
    }
  }

  private func note(ready: Int, of subscription: Int, at server: Int, since mark: UInt64) {
    levels[subscription]?.sampled(ready: ready, at: server, since: mark, now: .now)
    if levels[subscription]?.isOfInterest == false { levels[subscription] = nil }
  }

  /// nil is the oldest: never.
  static func isOlder(_ a: ContinuousClock.Instant?, than b: ContinuousClock.Instant?) -> Bool {
    guard let b else { return false }
    return a.map { $0 < b } ?? true
  }

  /// Whether any channel with a drop policy gets messages or has some.
  var hasLevels: Bool { !levels.isEmpty }

  /// Channels with a drop policy that should be looked at on a server, the longest unseen first.
  func levelsToSample(at server: Int, olderThan limit: ContinuousClock.Instant) -> [Int] {
    var due: [(id: Int, at: ContinuousClock.Instant?)] = []
    for (id, level) in levels where level.isOfInterest {
      let sampledAt = level.sampledAt(server)
      if sampledAt.map({ $0 < limit }) ?? true { due.append((id, sampledAt)) }
    }
    return due.sorted { Self.isOlder($0.at, than: $1.at) }.map(\.id)
  }

  // MARK: Levels

  /// Whether one more message may go into a channel; if so its copy counts from now on, until it is stored or abandoned.
  func admits(_ channel: SubscribedChannel) -> Bool {
    let isAbove = estimate(of: channel) > channel.parameters.dropMessageThreshold
    if !isAbove { copyBegins(channel) }
    return !isAbove
  }

  /// Jobs that are ready in a channel with a drop policy, now.
  func estimate(of channel: SubscribedChannel) -> Int {
    if let level = levels[channel.id] { return level.estimate }
    let queue = Queue(subscription: channel.id, kind: .channel)
    let samples = servers.indices.map { sample(of: queue, at: $0) }
    let level = BacklogLevel(samples)
    levels[channel.id] = level
    let limit = ContinuousClock.now - BacklogSampler.interval
    if samples.contains(where: { $0.takenAt.map { $0 < limit } ?? true }) { onOldSample?(channel.id) }
    return level.estimate
  }

  /// A copy that was admitted once is tried again.
  func copyBegins(_ channel: SubscribedChannel) {
    guard channel.mayDrop else { return }
    moment &+= 1
    levels[channel.id]?.copyBegins(moment)
  }

  func copyStored(_ channel: SubscribedChannel, at server: Int) {
    if channel.mayDrop { levels[channel.id]?.copyStored(at: server) }
  }

  func copyAbandoned(_ channel: SubscribedChannel) {
    if channel.mayDrop { levels[channel.id]?.copyAbandoned() }
  }

  func took(_ jobs: Int, from channel: SubscribedChannel, at server: Int) {
    if levels[channel.id] != nil {
      levels[channel.id]?.took(jobs, at: server)
    } else {
      // A level may begin with this sample, and must not begin too high.
      let queue = Queue(subscription: channel.id, kind: .channel)
      if var sample = servers[server].samples[queue] {
        sample.ready = max(0, sample.ready - jobs)
        servers[server].set(sample, of: queue)
      }
    }
  }

  /// Subscriptions have changed: what has no policy any more has no level.
  func apply(_ changes: SubscriptionChanges, _ directory: SubscriptionDirectory) {
    guard !levels.isEmpty else { return }
    for id in changes.cancelled { levels[id] = nil }
    for id in changes.changed where directory.channel(id)?.mayDrop != true { levels[id] = nil }
  }
}
