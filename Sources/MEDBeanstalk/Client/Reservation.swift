import MEDCore
import MEDLoop

/// A job that is reserved for us: nobody else gets it until it is settled, or its time to run is over, or the connection
/// of its consumer breaks.
///
/// Settle it with ``delete()``, ``release(priority:delay:)`` or ``bury(priority:)``. One that nobody refers to any more is
/// released by itself.
public final class Reservation: Sendable {
  /// The job's id, unique within one run of the server.
  public let number: UInt64
  /// The bytes that were put.
  public let body: [UInt8]

  let instance: UInt32
  let generation: UInt64
  private let consumer: BeanstalkConsumer
  private let settled = Locked(false)

  init(number: UInt64, body: [UInt8], consumer: BeanstalkConsumer, instance: UInt32, generation: UInt64) {
    self.number = number
    self.body = body
    self.consumer = consumer
    self.instance = instance
    self.generation = generation
  }

  deinit {
    if !isSettled { consumer.giveBack(number, instance: instance, generation: generation) }
  }

  /// Whether the server has confirmed a delete, release or bury, or said that the job isn't ours any more.
  public var isSettled: Bool { settled.withLock { $0 } }

  /// The work is done.
  ///
  /// Wire: `delete <id>` → `DELETED`, `NOT_FOUND`. If the connection broke since, the delete goes over one of the
  /// client's others: it is done unless somebody else has the job by now.
  /// - Returns: false if the job isn't ours any more: then somebody else has it, or it is gone.
  /// - Throws: ``BeanstalkError``, when it isn't known to be deleted; may be tried again.
  /// - Source: beanstalkd doc/protocol.txt, "delete".
  @discardableResult
  public func delete() async throws(BeanstalkError) -> Bool { try await settle(.delete) }

  /// Gives it back, to be reserved by anybody.
  ///
  /// Wire: `release <id> <pri> <delay>` → `RELEASED`, `BURIED`, `NOT_FOUND`. BURIED (the server had no memory to
  /// make it ready) counts as done: ``BeanstalkClient/kick(numbers:)`` makes it ready.
  /// - Parameters:
  ///   - priority: 0 is the most urgent; nil for the one it has, which costs a `stats-job`.
  ///   - delay: whole seconds until it is ready, 0 ... 2³²−1.
  /// - Returns: false if the job isn't ours any more.
  /// - Throws: ``BeanstalkError``; the server gives the job back by itself when its time is over.
  /// - Source: beanstalkd doc/protocol.txt, "release".
  @discardableResult
  public func release(priority: UInt32? = nil, delay: UInt32 = 0) async throws(BeanstalkError) -> Bool {
    try await settle(.release(priority: priority, delay: delay))
  }

  /// Puts it aside, until somebody kicks it.
  ///
  /// Wire: `bury <id> <pri>` → `BURIED`, `NOT_FOUND`.
  /// - Parameter priority: for after the kick; nil for the one it has, which costs a `stats-job`.
  /// - Returns: false if the job isn't ours any more.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "bury".
  @discardableResult
  public func bury(priority: UInt32? = nil) async throws(BeanstalkError) -> Bool {
    try await settle(.bury(priority: priority))
  }

  /// Begins its time to run anew. Not needed with ``BeanstalkConsumer/Options/touches``.
  ///
  /// Wire: `touch <id>` → `TOUCHED`, `NOT_FOUND`.
  /// - Returns: false if the job isn't ours any more.
  /// - Throws: ``BeanstalkError``.
  /// - Source: beanstalkd doc/protocol.txt, "touch".
  @discardableResult
  public func touch() async throws(BeanstalkError) -> Bool {
    let isOurs = try await consumer.settle(.touch, self)
    if !isOurs { settled.withLock { $0 = true } }
    return isOurs
  }

  private func settle(_ verb: ConsumerSession.Verb) async throws(BeanstalkError) -> Bool {
    let isDone = try await consumer.settle(verb, self)
    settled.withLock { $0 = true }
    return isDone
  }
}
