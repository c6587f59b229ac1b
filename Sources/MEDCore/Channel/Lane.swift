import DequeModule
import MEDLoop

/// Serves one channel, or one retry channel: takes its jobs and pushes them, within the subscription's limits.
///
/// Exists while there is something to do; an idle subscription has none. A lane owns at most twice as many jobs as it may
/// push at once, so that the next ones are there when a push ends; nothing ahead when pushes are paced.
///
/// How one message is pushed and settled: Lane+Attempt.swift.
final class Lane {
  enum Kind: Hashable {
    case channel, retry
  }

  /// One job in hand.
  struct Owned {
    let job: Job
    let desk: ServerDesk
  }

  /// A request for jobs that is under way.
  struct Turn {
    let count: Int
    let desk: Int
    fileprivate let mark: Announcements.Mark
  }

  /// What the lane knows of its tube on one server.
  private struct Shore {
    var announcements = Announcements()
    /// Jobs of this server in hand.
    var owned = 0
    var isWaitingForTurn = false
    /// Asked for in the turn that is under way, and since when.
    var expected = 0
    var askedAt: ContinuousClock.Instant?
    var isHeld = false
  }

  /// The most jobs that one turn takes.
  static let longestTurn = 32
  /// After this a turn that isn't answered doesn't count as room taken.
  private static let patience = Duration.seconds(1)

  let kind: Kind
  let tube: TubeName
  let context: EngineContext
  private(set) var channel: SubscribedChannel
  var choice: TargetChoice
  private(set) var isCancelled = false

  private var shores: [Shore]
  private var waiting: Deque<Owned> = []
  private(set) var inFlight = 0
  /// Jobs in hand whose push is over: they wait for a record, for a put, to be parked.
  private var settling = 0
  /// Asked for in turns that are under way, apart from those that take too long.
  private var expected = 0
  /// When the latest push was started.
  private var latestStart: ContinuousClock.Instant?
  private var paceTimer: LoopTimer?
  private var delays: DelayBook
  private var delayTimer: LoopTimer?
  private var armedFor: ContinuousClock.Instant?
  private var lastActive: ContinuousClock.Instant
  private let retryLane: (SubscribedChannel) -> Lane?
  /// Where its pushes are counted, also after its end.
  private let pushes: SubscriptionPushes
  private(set) lazy var parking = makeParking()

  init(
    _ kind: Kind, _ channel: SubscribedChannel, tube: TubeName, _ context: EngineContext,
    retryLane: @escaping (SubscribedChannel) -> Lane?
  ) {
    self.kind = kind
    self.channel = channel
    self.tube = tube
    self.context = context
    self.retryLane = retryLane
    choice = TargetChoice(channel.targets)
    pushes = context.pushes.pushes(of: channel)
    let now = context.actor.loop.now
    shores = Array(repeating: Shore(), count: context.desks.count)
    lastActive = now
    delays = DelayBook(origin: now)
  }

  private func makeParking() -> ParkingLot<ParkedStep> {
    weak let lane = self
    return ParkingLot(context) { job, desk, step in await lane?.resume(Owned(job: job, desk: desk), step) }
  }

  // MARK: What is there to do

  /// `jobs` became ready in the tube on a server.
  func announce(_ jobs: Int, at desk: Int) {
    shores[desk].announcements.announce(jobs)
    ask(at: desk)
  }

  /// `jobs` were put into the tube with a delay.
  func announce(_ jobs: Int, at desk: Int, after delay: Duration) {
    guard delay > .zero else { return announce(jobs, at: desk) }
    delays.add(jobs, server: desk, delay: delay, now: .now)
    armDelayTimer()
  }

  /// The first delayed job in the tube on a server becomes ready after `delay`; maybe it is known already.
  func noteDelayed(at desk: Int, after delay: Duration) {
    if let next = delays.next(on: desk), next <= .now + delay { return }
    announce(1, at: desk, after: delay)
  }

  /// Another state of the subscription is in force.
  func replace(_ channel: SubscribedChannel) {
    self.channel = channel
    choice.replace(channel.targets)
    paceTimer?.cancel()
    paceTimer = nil
    pump()
  }

  /// The subscription is cancelled, or the dispatcher stops: takes nothing more and gives back what has not begun.
  func stop() {
    isCancelled = true
    paceTimer?.cancel()
    delayTimer?.cancel()
    while let owned = waiting.popFirst() { giveBack(owned) }
    parking.giveBackAll()
  }

  /// Asks again on servers that could not be asked before, and lets go of the tube where nothing of it is in hand.
  /// - Returns: whether the lane has nothing to do any more.
  func tick(now: ContinuousClock.Instant) -> Bool {
    let isQuiet = now - lastActive >= .seconds(1)
    for index in shores.indices {
      stopExpecting(at: index, now: now)
      ask(at: index)
      if isQuiet && shores[index].isHeld && shores[index].owned == 0 && parking.count == 0 {
        shores[index].isHeld = false
        context.desks[index].queue.release(tube)
      }
    }
    guard owned == 0, parking.count == 0, shores.allSatisfy({ !$0.isWaitingForTurn && $0.owned == 0 }) else {
      return false
    }
    return isCancelled || isQuiet && delays.isEmpty && shores.allSatisfy { $0.announcements.count == 0 }
  }

  /// Whether jobs that nobody announced will be found by the lane itself: it asks for more than it knows of.
  func isTaking(at desk: Int) -> Bool { shores[desk].announcements.count > 0 }

  /// What a server doesn't answer in time mustn't keep the lane from asking the others.
  private func stopExpecting(at index: Int, now: ContinuousClock.Instant) {
    guard let askedAt = shores[index].askedAt, now - askedAt >= Self.patience else { return }
    expected -= shores[index].expected
    shores[index].expected = 0
    shores[index].askedAt = nil
  }

  /// Lets go of everything that others can see.
  func close() {
    for index in shores.indices where shores[index].isHeld {
      shores[index].isHeld = false
      context.desks[index].queue.release(tube)
    }
  }

  private func armDelayTimer() {
    guard let next = delays.next, !isCancelled else { return }
    if let armedFor, armedFor <= next { return }
    delayTimer?.cancel()
    armedFor = next
    delayTimer = context.actor.loop.schedule(at: next) { [weak self] in self?.delaysAreDue() }
  }

  private func delaysAreDue() {
    armedFor = nil
    while let due = delays.popDue(at: .now) { announce(due.jobs, at: due.server) }
    armDelayTimer()
  }

  // MARK: Taking

  /// Pushes that may run at once.
  var limit: Int {
    kind == .channel ? channel.parameters.concurrency : channel.parameters.concurrencyOfRetry
  }

  private var owned: Int { waiting.count + inFlight + expected }

  /// How many jobs a turn should take now. Refills when half of what is kept ahead is used up, so that turns are worth
  /// their round trips.
  private var room: Int {
    // A log that fails slowly, or hangs, must not let more through than may be parked.
    guard !isCancelled, parking.count + settling < ParkingLot<ParkedStep>.bound else { return 0 }
    let ahead = waiting.count + expected
    if channel.parameters.intervalOfSending > .zero { return ahead == 0 && inFlight < limit ? 1 : 0 }
    guard ahead <= limit / 2 else { return 0 }
    return min(2 * limit - owned, Self.longestTurn)
  }

  private func ask(at index: Int) {
    guard shores[index].announcements.count > 0, !shores[index].isWaitingForTurn, room > 0,
      !context.desks[index].settler.isFull
    else { return }
    shores[index].isWaitingForTurn = true
    context.desks[index].turns.enqueue(self, desk: index)
  }

  private func ask() {
    for index in shores.indices { ask(at: index) }
  }

  /// - Returns: nil if the lane doesn't want a turn any more.
  func beginTurn(at desk: Int) -> Turn? {
    // One more than is known: if it comes, there is more.
    let count = min(room, shores[desk].announcements.count + 1)
    guard count > 0, shores[desk].announcements.count > 0 else {
      shores[desk].isWaitingForTurn = false
      return nil
    }
    expected += count
    shores[desk].expected = count
    shores[desk].askedAt = context.actor.loop.now
    context.work.begin()
    return Turn(count: count, desk: desk, mark: shores[desk].announcements.mark)
  }

  func endTurn(_ turn: Turn, _ outcome: TakeOutcome) {
    defer { context.work.end() }
    expected -= shores[turn.desk].expected
    shores[turn.desk].expected = 0
    shores[turn.desk].askedAt = nil
    shores[turn.desk].isWaitingForTurn = false
    if outcome.failure == nil {
      shores[turn.desk].announcements.took(
        outcome.jobs.count, asked: turn.count, ranDry: outcome.ranDry, since: turn.mark)
    } else if outcome.jobs.isEmpty && !isCancelled {
      return
    }
    let desk = context.desks[turn.desk]
    if channel.mayDrop && kind == .channel { context.backlog.took(outcome.jobs.count, from: channel, at: desk.index) }
    if !outcome.jobs.isEmpty && !shores[turn.desk].isHeld {
      shores[turn.desk].isHeld = true
      desk.queue.hold(tube)
    }
    shores[turn.desk].owned += outcome.jobs.count
    for job in outcome.jobs { waiting.append(Owned(job: job, desk: desk)) }
    if isCancelled { return stop() }
    pump()
  }

  // MARK: Pushing

  /// Starts as many pushes as may start now.
  func pump() {
    lastActive = context.actor.loop.now
    while inFlight < limit, !waiting.isEmpty, !isCancelled {
      if channel.parameters.intervalOfSending > .zero && !mayStartByPace() { break }
      let owned = waiting.removeFirst()
      inFlight += 1
      latestStart = channel.parameters.intervalOfSending > .zero ? .now : context.actor.loop.now
      context.work.begin()
      context.actor.spawn { await self.attempt(owned) }
    }
    ask()
  }

  /// A started push leaves now. The loop may have been busy since it was started, and the interval counts from here.
  func pushBegins() {
    if channel.parameters.intervalOfSending > .zero { latestStart = .now }
  }

  /// The push itself is over, whatever is still to be settled.
  func pushEnded() {
    inFlight -= 1
    settling += 1
    pump()
  }

  /// Nothing more will be done with the job by this lane.
  func letGo(_ owned: Owned) {
    shores[owned.desk.index].owned -= 1
    settling -= 1
    owned.desk.free(owned.job)
    context.work.end()
  }

  /// A parked job is in hand again.
  func takeUp(_ owned: Owned) {
    shores[owned.desk.index].owned += 1
    settling += 1
    context.work.begin()
  }

  private func giveBack(_ owned: Owned) {
    shores[owned.desk.index].owned -= 1
    var entry = Settler.Entry(
      job: owned.job, settlement: Settlement(), topic: channel.topic, subscription: channel.id)
    owned.desk.settler.giveBack(&entry)
  }

  // MARK: Seen from outside

  func countPush(isFailure: Bool) {
    pushes.count(kind, isFailure: isFailure, in: context.second)
    context.rates.count(isFailure: isFailure, in: context.second)
  }

  /// What became of its pushes of late, and of those of the lanes before it.
  var history: PushHistory { pushes.history(kind) }
  /// Jobs in hand whose push hasn't begun.
  var waitingCount: Int { waiting.count }
  /// Ready jobs that it knows of and hasn't asked for.
  var announcedCount: Int { shores.reduce(0) { min($0 + $1.announcements.count, Announcements.bound) } }
  /// Jobs that it knows to become ready later.
  var delayedCount: Int { delays.jobs }

  private func mayStartByPace() -> Bool {
    guard let latestStart else { return true }
    let next = latestStart + channel.parameters.intervalOfSending
    if ContinuousClock.now >= next { return true }
    if paceTimer == nil {
      paceTimer = context.actor.loop.schedule(at: next) { [weak self] in
        self?.paceTimer = nil
        self?.pump()
      }
    }
    return false
  }

  /// Where what this lane could not deliver is retried.
  var retryTube: TubeName? { kind == .retry ? tube : channel.names?.retry }

  /// The lane that retries it; nil if there can be none any more.
  func laneForRetries() -> Lane? { kind == .retry ? self : retryLane(channel) }
}
