import Logging
import MEDLoop

/// Main queue → channels, for the main queue of one server (SPEC §4).
///
/// Batches of jobs come buried from the listeners. All copies of a batch go out together; a job is deleted when every copy
/// is confirmed. What can't be done at once (topic not known yet, a put refused, bytes that are no message) leaves the
/// batch and goes its own way, see Intake+Exceptions.swift.
final class Intake {
  /// Exceptions under way at once; past this the listeners wait.
  static let maximumExceptions = 512
  private static let longestPause = Duration.milliseconds(100)
  private static let patience = Duration.seconds(1)

  static let pauseForLanes = Duration.milliseconds(2)

  let context: EngineContext
  let desk: ServerDesk
  /// Told what was put where, after the queue server has confirmed it.
  let announce: (SubscribedChannel, ServerDesk, Int) -> Void
  private let listeners: [any QueueListener]
  var exceptions = 0
  /// Exceptions that a disk keeps waiting: they count with what is parked.
  private var waitingForDisk = 0
  private var pausedListeners: [UnsafeContinuation<Void, Never>] = []
  private(set) lazy var parking = makeParking()

  init(_ context: EngineContext, _ desk: ServerDesk, announce: @escaping (SubscribedChannel, ServerDesk, Int) -> Void) {
    self.context = context
    self.desk = desk
    self.announce = announce
    listeners = (0..<context.configuration.listenersOfMainQueue).map { _ in
      desk.queue.listen(to: context.configuration.mainQueue)
    }
  }

  private func makeParking() -> ParkingLot<ParkedStep> {
    weak let intake = self
    return ParkingLot(context) { job, _, step in await intake?.resume(job, step) }
  }

  func start() {
    for listener in listeners {
      context.work.begin()
      context.actor.spawn {
        await self.run(listener)
        self.context.work.end()
      }
    }
  }

  func stop() {
    for listener in listeners { listener.stop() }
    wakeListeners()
    parking.giveBackAll()
  }

  private func run(_ listener: any QueueListener) async {
    while let jobs = await listener.next() {
      if context.desks.count == 1 { await redistribute(jobs) } else { await redistributeWithPatience(jobs) }
      while !hasRoom && !context.isStopping { await pause() }
      while context.lanesAreBackedUp && !context.isStopping {
        try? await context.actor.loop.sleep(for: Self.pauseForLanes)
      }
    }
  }

  /// Copies may go to another server than the listener's own, and one that doesn't answer mustn't hold this one up: the
  /// listener goes on, and the batch counts as an exception until it is answered.
  private func redistributeWithPatience(_ jobs: [Job]) async {
    var isDone = false
    var isLate = false
    var waiter: UnsafeContinuation<Void, Never>?
    func goOn() {
      waiter?.resume()
      waiter = nil
    }
    context.work.begin()
    context.actor.spawn {
      await self.redistribute(jobs)
      isDone = true
      if isLate { self.exceptions -= jobs.count }
      goOn()
      self.context.work.end()
    }
    let timer = context.actor.loop.schedule(after: Self.patience) { goOn() }
    await withUnsafeContinuation { waiter = $0 }
    timer.cancel()
    guard !isDone else { return }
    isLate = true
    exceptions += jobs.count
  }

  private var hasRoom: Bool {
    exceptions < Self.maximumExceptions && parking.count + waitingForDisk < ParkingLot<ParkedStep>.bound
      && !desk.settler.isFull
  }

  /// A disk that hangs must not fill the window either. How much may wait for it is bounded by the log's buffer too.
  func withPatience(forDisk operation: () async -> Bool) async -> Bool {
    var isLate = false
    let timer = context.actor.loop.schedule(after: Self.patience) { [self] in
      isLate = true
      exceptions -= 1
      waitingForDisk += 1
      if hasRoom { wakeListeners() }
    }
    let isDone = await operation()
    timer.cancel()
    if isLate {
      exceptions += 1
      waitingForDisk -= 1
    }
    return isDone
  }

  /// Room comes in many ways (exceptions end, jobs are settled, parked ones turn out to be gone): most wake the listeners
  /// at once, and all are noticed after a while.
  private func pause() async {
    let timer = context.actor.loop.schedule(after: Self.longestPause) { [weak self] in self?.wakeListeners() }
    await withUnsafeContinuation { pausedListeners.append($0) }
    timer.cancel()
  }

  func wakeListeners() {
    let paused = pausedListeners
    pausedListeners = []
    for listener in paused { listener.resume() }
  }

  // MARK: The common case

  /// One message of a batch.
  private struct Message {
    var entry: Settler.Entry
    var copy: [UInt8] = []
    var unplaced: [Unplaced] = []
  }

  /// A copy without a home, and whether one can still be found.
  struct Unplaced {
    let channel: SubscribedChannel
    /// Set if no server will take it.
    var refusal: String?
    /// Which server has been asked already.
    var tried: ServerDesk?
    /// For the drop log, not for the channel.
    var isDropped = false
  }

  private func redistribute(_ jobs: [Job]) async {
    context.counters.received += UInt64(jobs.count)
    var messages: [Message] = []
    messages.reserveCapacity(jobs.count)
    var puts: [Put] = []
    var owners: [(message: Int, channel: SubscribedChannel)] = []
    for job in jobs {
      guard let envelope = open(job) else { continue }
      guard case .known(let channels) = context.directory.lookup(envelope.topic) else {
        except(job) { await self.lookUpAndCopy(job, envelope) }
        continue
      }
      if channels.isEmpty {
        discardUnsubscribed(job, topic: envelope.topic)
        continue
      }
      var message = Message(
        entry: Settler.Entry(job: job, settlement: Settlement(homes: UInt32(channels.count)), topic: envelope.topic),
        copy: envelope.setting(originJobID: job.id.number))
      for channel in channels {
        if channel.mayDrop && !context.backlog.admits(channel) {
          drop(channel, &message)
        } else if let tube = channel.names?.channel {
          puts.append(Put(tube: tube, body: message.copy))
          owners.append((messages.count, channel))
        } else {
          message.unplaced.append(Unplaced(channel: channel, refusal: CopyPlacement.noTube))
        }
      }
      messages.append(message)
    }
    guard !messages.isEmpty else { return }

    let target = context.nextReachableDesk()
    let outcomes = puts.isEmpty ? [] : await context.put(puts, at: target)
    for (index, owner) in owners.enumerated() {
      switch index < outcomes.count ? outcomes[index] : .unavailable {
      case .stored:
        context.counters.copies += 1
        if owner.channel.mayDrop { context.backlog.copyStored(owner.channel, at: target.index) }
        announce(owner.channel, target, 1)
        desk.settler.homeFound(&messages[owner.message].entry)
      case .tooBig:
        messages[owner.message].unplaced.append(
          Unplaced(channel: owner.channel, refusal: CopyPlacement.tooBig))
      case .refused, .unanswered, .unavailable:
        messages[owner.message].unplaced.append(Unplaced(channel: owner.channel, tried: target))
      }
    }
    for message in messages where !message.unplaced.isEmpty {
      except(message.entry.job) { await self.place(message.copy, of: message.entry, in: message.unplaced) }
    }
  }

  /// The channel is fuller than its subscription wants it: the copy goes into the drop log, or nowhere.
  private func drop(_ channel: SubscribedChannel, _ message: inout Message) {
    if channel.parameters.dropAction == .record {
      message.unplaced.append(Unplaced(channel: channel, isDropped: true))
    } else {
      forget(channel, &message.entry)
    }
  }

  /// Reads a job; one that is no message is recorded on the side.
  private func open(_ job: Job) -> Envelope? {
    do throws(MessageError) {
      return try Envelope(job.body)
    } catch {
      except(job) { await self.recordUndecodable(job, "\(error)") }
      return nil
    }
  }

  func discardUnsubscribed(_ job: Job, topic: String) {
    context.counters.unsubscribed += 1
    var entry = Settler.Entry(job: job, settlement: Settlement(), topic: topic, subscription: nil)
    desk.settler.homeFound(&entry)
  }

  /// Does what isn't the common case beside the batches.
  private func except(_ job: Job, _ operation: @escaping () async -> Void) {
    exceptions += 1
    desk.detain(job)
    context.work.begin()
    context.actor.spawn {
      await operation()
      self.exceptions -= 1
      self.desk.free(job)
      self.context.work.end()
      if self.hasRoom { self.wakeListeners() }
    }
  }
}
