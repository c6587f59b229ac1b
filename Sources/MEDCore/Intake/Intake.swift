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

  let context: EngineContext
  let desk: ServerDesk
  /// Told what was put where, after the queue server has confirmed it.
  let announce: (SubscribedChannel, ServerDesk, Int) -> Void
  private let listeners: [any QueueListener]
  var exceptions = 0
  private var pausedListeners: [UnsafeContinuation<Void, Never>] = []
  private(set) lazy var parking = ParkingLot<ParkedStep>(context) { [unowned self] job, desk, step in
    await self.resume(job, step)
  }

  init(_ context: EngineContext, _ desk: ServerDesk, announce: @escaping (SubscribedChannel, ServerDesk, Int) -> Void) {
    self.context = context
    self.desk = desk
    self.announce = announce
    listeners = (0..<context.configuration.listenersOfMainQueue).map { _ in
      desk.queue.listen(to: context.configuration.mainQueue)
    }
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
      await redistribute(jobs)
      while !hasRoom && !context.isStopping {
        await withUnsafeContinuation { pausedListeners.append($0) }
      }
    }
  }

  private var hasRoom: Bool {
    exceptions < Self.maximumExceptions && !parking.isFull && !desk.settler.isFull
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
    var unplaced: [SubscribedChannel] = []
  }

  private func redistribute(_ jobs: [Job]) async {
    context.counters.received += UInt64(jobs.count)
    var messages: [Message] = []
    messages.reserveCapacity(jobs.count)
    var puts: [Put] = []
    var owners: [(message: Int, channel: SubscribedChannel)] = []
    for job in jobs {
      guard var message = open(job) else { continue }
      guard case .known(let channels) = context.directory.lookup(message.envelope.topic) else {
        except { await self.lookUpAndCopy(job, message.envelope) }
        continue
      }
      if channels.isEmpty {
        discardUnsubscribed(job, topic: message.envelope.topic)
        continue
      }
      let copy = message.envelope.setting(originJobID: job.id.number)
      message.entry.settlement = Settlement(homes: UInt32(channels.count))
      for channel in channels {
        if let tube = channel.names?.channel {
          puts.append(Put(tube: tube, body: copy))
          owners.append((messages.count, channel))
        } else {
          message.unplaced.append(channel)
        }
      }
      messages.append(Message(entry: message.entry, copy: copy, unplaced: message.unplaced))
    }
    guard !messages.isEmpty else { return }

    let target = context.nextReachableDesk()
    let outcomes = puts.isEmpty ? [] : await target.queue.put(puts)
    for (index, owner) in owners.enumerated() {
      if index < outcomes.count, case .stored = outcomes[index] {
        context.counters.copies += 1
        announce(owner.channel, target, 1)
        desk.settler.homeFound(&messages[owner.message].entry)
      } else {
        messages[owner.message].unplaced.append(owner.channel)
      }
    }
    for message in messages where !message.unplaced.isEmpty {
      except { await self.place(message.copy, of: message.entry, in: message.unplaced) }
    }
  }

  /// Reads a job; one that is no message is recorded on the side.
  private func open(_ job: Job) -> (envelope: Envelope, entry: Settler.Entry, unplaced: [SubscribedChannel])? {
    do throws(MessageError) {
      let envelope = try Envelope(job.body)
      let entry = Settler.Entry(job: job, settlement: Settlement(), topic: envelope.topic, subscription: nil)
      return (envelope, entry, [])
    } catch {
      except { await self.recordUndecodable(job, "\(error)") }
      return nil
    }
  }

  func discardUnsubscribed(_ job: Job, topic: String) {
    context.counters.unsubscribed += 1
    var entry = Settler.Entry(job: job, settlement: Settlement(), topic: topic, subscription: nil)
    desk.settler.homeFound(&entry)
  }

  /// Does what isn't the common case beside the batches.
  func except(_ operation: @escaping () async -> Void) {
    exceptions += 1
    context.work.begin()
    context.actor.spawn {
      await operation()
      self.exceptions -= 1
      self.context.work.end()
      if self.hasRoom { self.wakeListeners() }
    }
  }
}
