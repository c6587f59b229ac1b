import DequeModule
import MEDLoop

/// Messages of one source that must wait: for the store, for the DATA log, for a queue server that takes them.
///
/// They are remembered by server and id alone, outside of every window. From time to time the oldest are fetched again
/// (peek) and go on at the step that failed; a step that fails again parks them again. When the lot is full its source is
/// read no further.
final class ParkingLot<Step> {
  static var bound: Int { 10_000 }
  private static var batch: Int { 64 }

  struct Place {
    let id: JobID
    let tube: TubeName
    let desk: ServerDesk
    let step: Step
    /// Tells the job from a stranger with the same id: a queue server that restarts counts anew.
    let fingerprint: Int
  }

  private let context: EngineContext
  /// Does the step again. Whoever fails parks again.
  private let resume: (Job, ServerDesk, Step) async -> Void
  private var places: Deque<Place> = []
  private var pause: Duration = .zero
  private var isRunning = false
  private var parkedAgain = false
  /// Taken out to be done again, neither over nor back yet.
  private var resuming = 0
  /// What can't be done now goes back to its tube.
  private var isClosed = false

  init(_ context: EngineContext, resume: @escaping (Job, ServerDesk, Step) async -> Void) {
    self.context = context
    self.resume = resume
  }

  var count: Int { places.count + resuming }
  var isFull: Bool { count >= Self.bound }

  private var pauses: ClosedRange<Duration> { context.configuration.parkingPauses }

  func park(_ job: Job, _ desk: ServerDesk, _ step: Step) {
    places.append(
      Place(id: job.id, tube: job.tube, desk: desk, step: step, fingerprint: job.body.hashValue))
    parkedAgain = true
    if isClosed { return giveBackAll() }
    guard !isRunning else { return }
    isRunning = true
    pause = pauses.lowerBound
    context.actor.spawn { await self.run() }
  }

  /// Gives all that waits, and whatever will be parked again, back to its tubes. For good.
  func giveBackAll() {
    isClosed = true
    guard !places.isEmpty else { return }
    context.work.begin()
    context.actor.spawn { await self.giveBackEach() }
  }

  private func giveBackEach() async {
    while let place = places.popFirst() {
      let job: Job
      do {
        guard let fetched = try await fetch(place) else { continue }
        job = fetched
      } catch {
        // The kick needs the number alone, and is tried until it is recorded.
        job = Job(id: place.id, tube: place.tube, body: [])
      }
      var entry = Settler.Entry(job: job, settlement: Settlement(), topic: nil, subscription: nil)
      place.desk.settler.giveBack(&entry)
    }
    context.work.end()
  }

  /// - Returns: nil if the job is gone: deleted or kicked by others, or lost with its server. Nothing to do for us.
  private func fetch(_ place: Place) async throws -> Job? {
    guard let body = try await place.desk.queue.peek(place.id, in: place.tube), body.hashValue == place.fingerprint
    else { return nil }
    return Job(id: place.id, tube: place.tube, body: body)
  }

  private func run() async {
    while !places.isEmpty && !context.isStopping && !isClosed {
      try? await context.actor.loop.sleep(for: pause)
      parkedAgain = false
      for _ in 0..<min(Self.batch, places.count) {
        guard !context.isStopping, !isClosed, let place = places.popFirst() else { break }
        await resumeOne(place)
      }
      pause = parkedAgain ? min(pause * 2, pauses.upperBound) : .milliseconds(1)
    }
    isRunning = false
  }

  private func resumeOne(_ place: Place) async {
    let unseen = Job(id: place.id, tube: place.tube, body: [])
    resuming += 1
    place.desk.detain(unseen)
    context.work.begin()
    defer {
      resuming -= 1
      place.desk.free(unseen)
      context.work.end()
    }
    do {
      guard let job = try await fetch(place) else { return }
      place.desk.detain(job)
      await resume(job, place.desk, place.step)
    } catch {
      places.append(place)
      parkedAgain = true
      if isClosed { giveBackAll() }
    }
  }
}
