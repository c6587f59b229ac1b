import Logging
import MEDCore
import MEDLoop

/// Reserves jobs of some tubes over a connection of its own, from anywhere.
///
/// ```
/// let consumer = try await client.consumer(of: [tube])
/// try await consumer.withReservation { job in
///   try await work(job.body)
/// }                                          // deleted; if that threw, released
/// await consumer.close()
/// ```
/// A reserve that waits holds up this consumer alone. While it holds jobs it asks the server every 100 ms instead of
/// waiting there, because a reserve that waits would hold up their deletes. One reserve at a time: others wait their turn.
///
/// The connection comes back by itself, with jittered pauses. Jobs that were reserved over the one that broke are the
/// server's again: see ``Reservation``. Jobs still held when the consumer is closed, or let go of, become ready again.
public final class BeanstalkConsumer: Sendable {
  /// How a consumer behaves.
  public struct Options: Sendable {
    /// Touch jobs that are held, three times in their time to run, so that it doesn't end while they are worked on.
    /// Costs a `stats-job` for each job. Without it a job that is held too long is given to somebody else.
    public var touches = false
    /// Jobs that may be held at a time, at least 1. A reserve beyond waits until one of them is settled.
    public var maximumReservations = 1000

    /// The defaults.
    public init() {}

    /// Options with some of them set.
    public init(touches: Bool, maximumReservations: Int = 1000) {
      self.touches = touches
      self.maximumReservations = max(1, maximumReservations)
    }
  }

  /// How a reserve ended.
  public enum Outcome: Sendable {
    /// Reserved, in the order in which the server gave them; at least one.
    case reserved([Reservation])
    /// TIMED_OUT: no job in time.
    case timedOut
    /// DEADLINE_SOON: a job that is held has less than a second left. Settle or touch it.
    case deadlineSoon
  }

  /// The tubes that are watched.
  public let tubes: [TubeName]
  /// Kept, because the loop is its.
  private let client: BeanstalkClient
  private let actor: LoopActor
  private nonisolated(unsafe) let session: ConsumerSession  // why: touched on the loop of `actor` alone

  init(_ session: ConsumerSession, client: BeanstalkClient, actor: isolated LoopActor) {
    self.session = session
    self.client = client
    self.actor = actor
    tubes = session.tubes
  }

  deinit {
    nonisolated(unsafe) let session = session  // why: only carried to its loop
    actor.loop.submit { session.close() }
  }

  // MARK: Reserving

  /// Reserves up to `count` jobs: waits for the first, and takes of the others what is there.
  ///
  /// Wire: `reserve-with-timeout <seconds>`, then `reserve-with-timeout 0` for each further one →
  /// `RESERVED <id> <bytes>`, `TIMED_OUT`, `DEADLINE_SOON`.
  /// - Parameters:
  ///   - count: 1 ... ``Options/maximumReservations``; less or more counts as these.
  ///   - limit: how long to wait for the first one, whatever happens to the connection; `.zero` asks once, if it is connected; nil waits as
  ///     long as it takes.
  /// - Throws: `CancellationError`: nothing is reserved then, and a job that had just come is ready again. ``BeanstalkError``:
  ///   what the server refused, or why it couldn't be reached within `limit`; `.closed`.
  /// - Source: beanstalkd doc/protocol.txt, "reserve".
  public func reserve(upTo count: Int = 1, within limit: Duration? = nil) async throws -> Outcome {
    try await actor.run { actor in
      self.outcome(try await self.session.reserve(count, until: Self.deadline(limit)))
    }
  }

  /// Reserves the job of that number, of whatever tube, if it is ready, delayed or buried.
  ///
  /// Wire: `reserve-job <id>` → `RESERVED <id> <bytes>`, `NOT_FOUND`.
  /// - Parameters:
  ///   - number: the job's.
  ///   - limit: how long to wait for the turn and the connection.
  /// - Returns: nil if there is no such job, or somebody has reserved it.
  /// - Throws: as ``reserve(upTo:within:)``.
  /// - Source: beanstalkd doc/protocol.txt, "reserve-job".
  public func reserve(job number: UInt64, within limit: Duration = .seconds(10)) async throws -> Reservation? {
    try await actor.run { actor in
      switch self.outcome(try await self.session.reserve(job: number, until: Self.deadline(limit))) {
      case .reserved(let jobs): return jobs.first
      case .timedOut: return nil
      case .deadlineSoon: throw BeanstalkError.refusal("DEADLINE_SOON", to: "reserve-job")
      }
    }
  }

  private static func deadline(_ limit: Duration?) -> ContinuousClock.Instant? {
    // Times beyond can't be computed with.
    limit.map { .now + min(max(.zero, $0), .seconds(4_000_000_000)) }
  }

  private func outcome(_ reserved: ConsumerSession.Reserved) -> Outcome {
    switch reserved {
    case .timedOut: .timedOut
    case .deadlineSoon: .deadlineSoon
    case .jobs(let jobs, let instance, let generation):
      .reserved(
        jobs.map {
          Reservation(number: $0.number, body: $0.body, consumer: self, instance: instance, generation: generation)
        })
    }
  }

  /// Reserves one job and gives it to `body`. When that returns the job is deleted; when it throws the job is released,
  /// with the priority that it had. If `body` has settled it, nothing more is done.
  ///
  /// - Parameters:
  ///   - limit: how long to wait for a job; nil: as long as it takes.
  ///   - body: what is done with it.
  /// - Returns: what `body` returns; nil if there was no job in time.
  /// - Throws: what `body` throws; as ``reserve(upTo:within:)``; what ``Reservation/delete()`` throws, and then the
  ///   job may come again.
  public func withReservation<Result: Sendable>(
    within limit: Duration? = nil, _ body: (Reservation) async throws -> Result
  ) async throws -> Result? {
    guard case .reserved(let jobs) = try await reserve(within: limit), let job = jobs.first else { return nil }
    do {
      let result = try await body(job)
      if !job.isSettled { try await job.delete() }
      return result
    } catch {
      if !job.isSettled { _ = try? await job.release() }
      throw error
    }
  }

  // MARK: State

  /// Whether the connection is there and watches its tubes. Reserving doesn't need to ask: it waits.
  public var isConnected: Bool {
    get async { await actor.run { _ in self.session.isUp } }
  }

  /// How many jobs are held.
  public var heldCount: Int {
    get async { await actor.run { _ in self.session.held.count } }
  }

  /// Ends the connection. Jobs that are held become ready again; a reserve that waits throws `.closed`.
  public func close() async {
    await actor.run { _ in self.session.close() }
  }

  func settle(
    _ verb: ConsumerSession.Verb, _ job: Reservation
  ) async throws(BeanstalkError) -> Bool {
    let (number, instance, generation) = (job.number, job.instance, job.generation)
    let result: Result<Bool, BeanstalkError> = await actor.run { _ in
      do throws(BeanstalkError) {
        return .success(
          try await self.session.settle(verb, number, instance: instance, generation: generation))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// For a reservation that nobody refers to any more.
  func giveBack(_ number: UInt64, instance: UInt32, generation: UInt64) {
    nonisolated(unsafe) let session = session  // why: only carried to its loop
    let actor = actor
    actor.loop.submit {
      guard session.held[number] != nil, session.generation == generation else { return }
      actor.spawn {
        _ = try? await session.settle(
          .release(priority: nil, delay: 0), number, instance: instance, generation: generation)
      }
    }
  }
}
