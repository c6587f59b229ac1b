import HeapModule

extension Engine {
  /// On the loop, in slices of subscriptions and queues between which other work goes on. Asks nobody: what waits in queues
  /// is known from the sampler's rounds.
  func metrics(atMost maximum: Int = DispatcherMetrics.maximumSubscriptions) async -> DispatcherMetrics {
    var metrics = DispatcherMetrics()
    metrics.state = await state(lanes: 0)
    metrics.counted = context.pushes.count
    metrics.uncounted = context.pushes.refused
    let existing = backlog.existing
    await sum(existing, into: &metrics)
    var busiest = BusiestSubscriptions(maximum: maximum)
    await offerThoseThatPush(to: &busiest)
    await offerThoseThatWait(in: existing, to: &busiest)
    metrics.leftOut = busiest.leftOut
    let now = ContinuousClock.now
    for (index, id) in busiest.ids.enumerated() {
      if index > 0, index % LaneListing.slice == 0 { await Task.yield() }
      if let subscription = describe(id, now: now) { metrics.subscriptions.append(subscription) }
    }
    return metrics
  }

  private func sum(_ queues: [Backlog.Queue], into metrics: inout DispatcherMetrics) async {
    // Those that don't exist are empty as of the list.
    let nothing = BacklogSample(takenAt: backlog.listedAt)
    var (channels, retryChannels) = (nothing, nothing)
    for (index, queue) in queues.enumerated() {
      if index > 0, index % LaneListing.slice == 0 { await Task.yield() }
      let sample = backlog.backlog(of: queue.subscription, queue.kind)
      if queue.kind == .channel { channels = channels + sample } else { retryChannels = retryChannels + sample }
    }
    let now = ContinuousClock.now
    metrics.channels = JobCounts(channels, now: now)
    metrics.retryChannels = JobCounts(retryChannels, now: now)
  }

  private func offerThoseThatPush(to busiest: inout BusiestSubscriptions) async {
    let second = context.second
    for (index, id) in context.pushes.ids.enumerated() {
      if index > 0, index % LaneListing.slice == 0 { await Task.yield() }
      guard let pushes = context.pushes[id] else { continue }
      busiest.offer(id, waiting: waiting(id), pushes: pushes.pushesOfHour(at: second))
    }
  }

  /// Those that have pushed nothing for a day, and something waits for them.
  private func offerThoseThatWait(
    in queues: [Backlog.Queue], to busiest: inout BusiestSubscriptions
  ) async {
    for (index, queue) in queues.enumerated() {
      if index > 0, index % LaneListing.slice == 0 { await Task.yield() }
      let id = queue.subscription
      guard context.pushes[id] == nil else { continue }
      // Of its two queues one speaks for both.
      if queue.kind == .retry, backlog.exists(.init(subscription: id, kind: .channel)) { continue }
      busiest.offer(id, waiting: waiting(id), pushes: 0)
    }
  }

  private func waiting(_ subscription: Int) -> Int {
    [Lane.Kind.channel, .retry].reduce(0) { sum, kind in
      let sample = backlog.backlog(of: subscription, kind)
      return sum + sample.ready + sample.delayed + sample.buried + sample.reserved
    }
  }

  private func describe(_ id: Int, now: ContinuousClock.Instant) -> DispatcherMetrics.Subscription? {
    let pushes = context.pushes[id]
    guard let topic = pushes?.topic ?? context.directory.channel(id)?.topic else { return nil }
    var subscription = DispatcherMetrics.Subscription()
    subscription.topic = topic
    subscription.subscription = id
    subscription.failed = pushes?.failures ?? 0
    subscription.delivered = (pushes?.pushes ?? 0) - subscription.failed
    subscription.channel = queue(id, .channel, now: now)
    subscription.retryChannel = queue(id, .retry, now: now)
    return subscription
  }

  private func queue(_ id: Int, _ kind: Lane.Kind, now: ContinuousClock.Instant) -> DispatcherMetrics.Queue {
    var queue = DispatcherMetrics.Queue()
    queue.jobs = JobCounts(backlog.backlog(of: id, kind), now: now)
    queue.inFlight = supervisor.inFlight(id, kind)
    return queue
  }
}

/// Chooses the subscriptions with most to do, then those that have done most. The rest is counted.
struct BusiestSubscriptions {
  private struct Rank: Comparable {
    let waiting: Int
    let pushes: Int
    let id: Int

    static func < (a: Rank, b: Rank) -> Bool {
      a.waiting != b.waiting ? a.waiting < b.waiting : a.pushes != b.pushes ? a.pushes < b.pushes : a.id > b.id
    }
  }

  private let maximum: Int
  private var chosen = Heap<Rank>()
  private(set) var leftOut = 0

  init(maximum: Int) { self.maximum = maximum }

  /// One with nothing to do that has done nothing doesn't count.
  mutating func offer(_ id: Int, waiting: Int, pushes: Int) {
    guard waiting > 0 || pushes > 0 else { return }
    let rank = Rank(waiting: waiting, pushes: pushes, id: id)
    guard chosen.count >= maximum else { return chosen.insert(rank) }
    leftOut += 1
    if let least = chosen.min, least < rank { chosen.replaceMin(with: rank) }
  }

  /// In their own order: what doesn't change stands where it stood.
  var ids: [Int] { chosen.unordered.map(\.id).sorted() }
}
