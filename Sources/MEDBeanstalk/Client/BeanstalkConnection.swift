import MEDCore
import MEDLoop

/// One connection whose verbs are those of the protocol, one to one: for what ``BeanstalkClient`` and
/// ``BeanstalkConsumer`` don't do.
///
/// The tube in use, the tubes watched and the jobs reserved belong to it, and it isn't made anew when it breaks: every
/// later call throws then. Calls may be made concurrently; they are sent in the order in which they come to the
/// connection, without waiting for each other's answers, and one that waits in a reserve holds up those behind it.
///
/// Each verb throws ``BeanstalkError``: `.outOfMemory`, `.internalError`, `.badFormat`, `.unknownCommand` as the server
/// says; `.timedOut` if it doesn't answer within ``BeanstalkConfiguration/replyTimeout``; `.connectionLost`.
/// - Source: beanstalkd doc/protocol.txt, 1.12.
public final class BeanstalkConnection: Sendable {
  /// Kept, because the loop is its.
  private let client: BeanstalkClient
  private let actor: LoopActor
  private nonisolated(unsafe) let single: SingleConnection  // why: touched on the loop of `actor` alone

  init(_ single: SingleConnection, client: BeanstalkClient, actor: isolated LoopActor) {
    self.single = single
    self.client = client
    self.actor = actor
  }

  /// Whether it can still be used.
  public var isOpen: Bool {
    get async { await actor.run { _ in self.single.connection != nil } }
  }

  /// Says `quit`, and waits until the server has closed the connection.
  ///
  /// Wire: `quit`, which has no answer. Jobs that are reserved become ready.
  /// - Parameter limit: after that it is closed in any case.
  public func quit(within limit: Duration = .seconds(5)) async {
    await actor.run { _ in await self.single.quit(within: limit) }
  }

  /// Closes at once. Jobs that are reserved become ready.
  public func close() async {
    await actor.run { _ in self.single.close() }
  }

  /// Asks, and reads the answer.
  /// - Throws: what `read` doesn't know is a refusal.
  func ask<Value: Sendable>(
    _ command: Command, _ what: String, _ read: @Sendable (Answer) -> Value?
  ) async throws(BeanstalkError) -> Value {
    let result: Result<Value, BeanstalkError> = await actor.run { _ in
      do throws(BeanstalkError) {
        let answer = try await self.single.ask(command)
        guard let value = read(answer) else { throw .refusal(answer.text, to: what) }
        return .success(value)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  func reserve(_ command: Command, mayBlock: Bool, within limit: Duration?) async throws -> ReserveAnswer {
    try await actor.run { _ in
      let result = try await self.single.reserve(command, mayBlock: mayBlock, within: limit)
      if let job = result.jobs.first { return .reserved(PeekedJob(number: job.number, body: job.body)) }
      return result.deadlineSoon ? .deadlineSoon : .timedOut
    }
  }

  var replyTimeout: Duration { client.configuration.replyTimeout }
}

/// What a put was answered with.
public enum PutAnswer: Sendable, Equatable {
  /// INSERTED, with the job's number.
  case inserted(UInt64)
  /// BURIED: stored, but the server had no memory to make it ready. `kick-job` does.
  case buried(UInt64)
}

/// What a reserve was answered with.
public enum ReserveAnswer: Sendable, Equatable {
  /// RESERVED: the job is this connection's.
  case reserved(PeekedJob)
  /// TIMED_OUT: no job in time.
  case timedOut
  /// DEADLINE_SOON: a job that this connection holds has less than a second left.
  case deadlineSoon
}

/// What a release was answered with.
public enum ReleaseAnswer: Sendable, Equatable {
  /// RELEASED: ready, or delayed.
  case released
  /// BURIED: not reserved any more, but the server had no memory to make it ready.
  case buried
  /// NOT_FOUND: not reserved by this connection.
  case notFound
}
