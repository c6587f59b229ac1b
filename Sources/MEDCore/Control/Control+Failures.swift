import Logging
import MEDLoop

/// Failing messages: looked at, and given another try.
extension Control {
  /// A page of the failure log.
  /// - Throws: `.unavailable`.
  public func failures(_ query: FailureQuery) async throws(ControlError) -> FailurePage {
    let reader = try failureReader()
    do throws(StoreError) { return try await reader.failures(query) } catch { throw ControlError(error) }
  }

  /// One row.
  /// - Throws: `.notFound`, `.unavailable`.
  public func failure(_ id: Int) async throws(ControlError) -> FailureRecord {
    let reader = try failureReader()
    let found: FailureRecord?
    do throws(StoreError) { found = try await reader.failure(id) } catch { throw ControlError(error) }
    guard let found else { throw ControlError(.notFound, "there is no failure \(id)") }
    return found
  }

  /// Gives a message that was given up all its pushes again.
  ///
  /// It is made anew from its row and put into its channel with the same jobid, so that the subscriber can tell it and
  /// the row is found again: what becomes of it is written there. Sender and contexts, which no row has, are lost.
  ///
  /// The put comes first, then the row is open again. If the process dies in between, the message is in its channel and
  /// is pushed after the next start, which the row then tells; until then it says "given up", and whoever tries again
  /// meanwhile makes a second push with the same jobid. The other order could leave a row open whose message is nowhere.
  /// - Returns: the row as it was before.
  /// - Throws: `.notFound`; `.conflict` if it is still tried, was delivered, was put a moment ago, or its subscription is
  ///   gone; `.invalidArgument` if the row doesn't hold the message; `.unavailable` if no queue server takes it;
  ///   `.timedOut` if a queue server didn't answer: then it may have the message.
  public func retryFailure(_ id: Int) async throws(ControlError) -> FailureRecord {
    try await retryTurns.take()
    defer { retryTurns.leave() }
    let record = try await failure(id)
    switch record.state {
    case .open: throw ControlError(.conflict, "the message of failure \(id) is still tried")
    case .delivered: throw ControlError(.conflict, "the message of failure \(id) was delivered")
    case .givenUp: break
    }
    guard !retried.contains(id) else {
      throw ControlError(.conflict, "the message of failure \(id) was put into its channel a moment ago")
    }
    let message = try RetriedMessage(record)
    let outcome = await dispatcher.runner.door.enter {
      await $0.putAgain(message.bytes, message.reopening, topic: record.topic)
    }
    switch outcome {
    case .stored(let server):
      retried.insert(id)
      logger.info(
        "a message that was given up gets another try by a command",
        metadata: [
          LogKey.subscription: "\(record.subscription)", LogKey.jobID: "\(record.jobID)",
          LogKey.queueServer: "\(server)",
        ])
      return record
    case .noSubscription:
      throw ControlError(.conflict, "subscription \(record.subscription) isn't live, so nothing is pushed to it")
    case .tooBig: throw ControlError(.invalidArgument, "the message is too big for the queue servers")
    case .refused(let reason): throw ControlError(.unavailable, "no queue server takes it: \(reason)")
    case .unanswered(let server):
      throw ControlError(.timedOut, "\(server) didn't answer: whether it has the message nobody knows")
    case nil: throw Self.notRunning
    }
  }

  private func failureReader() throws(ControlError) -> any FailureLogReader {
    guard let failures else { throw ControlError(.unavailable, "there is no failure log here") }
    return failures
  }
}

/// A message made anew from its row.
struct RetriedMessage: Sendable, Equatable {
  /// For its channel: no retries yet, and the number of its row.
  let bytes: [UInt8]
  /// What is told the failure log: it is tried again.
  let reopening: FailureEntry

  /// - Throws: `.invalidArgument` if a push of it would not be the same one.
  init(_ record: FailureRecord) throws(ControlError) {
    guard let body = record.message, body != "null" else {
      throw Self.refusal("the row doesn't hold the message; its EXHAUSTED record in the DATA log does (medctl replay)")
    }
    guard !record.topic.isEmpty, record.id > 0, record.subscription > 0 else {
      throw Self.refusal("the row doesn't name its topic or subscription")
    }
    let payload: [UInt8]
    do throws(JSONToMessagePack.Failure) {
      payload = try JSONToMessagePack.convert(Array(body.utf8))
    } catch {
      throw Self.refusal("message_body is \(error)")
    }
    guard let (times, originJobID) = Self.parse(record.jobID, record) else { throw Self.noJobID }
    // The column may be rounded; the jobid's text has six decimals.
    for time in times {
      let bytes = Self.message(record, time, originJobID, payload)
      guard let envelope = try? Envelope(bytes), envelope.pushJobID(subscription: record.subscription) == record.jobID
      else { continue }
      self.bytes = bytes
      reopening = FailureEntry(
        subscription: record.subscription, jobID: record.jobID, topicID: record.topicID,
        subscriberID: record.subscriberID, logID: UInt64(clamping: record.id), messageTime: time, message: bytes,
        time: FailureLogWriter.now())
      return
    }
    throw Self.noJobID
  }

  /// `<Time with 6 decimals>-<OriginJobId>-<subscription>`; a time may be negative.
  private static func parse(_ jobID: String, _ record: FailureRecord) -> (times: [Double], originJobID: UInt64)? {
    let parts = jobID.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 3, let origin = UInt64(parts[parts.count - 2]) else { return nil }
    let text = parts.dropLast(2).joined(separator: "-")
    return ([record.messageTime] + (Double(text).map { [$0] } ?? []), origin)
  }

  private static func message(
    _ record: FailureRecord, _ time: Double, _ originJobID: UInt64, _ payload: [UInt8]
  ) -> [UInt8] {
    var writer = MessagePackWriter(capacity: payload.count + 128)
    writer.map(5)
    writer.string("MsgKey")
    writer.string(record.topic)
    writer.string("Time")
    writer.double(time)
    writer.string("OriginJobId")
    writer.integer(originJobID)
    writer.string("LogId")
    writer.integer(UInt64(clamping: record.id))
    writer.string("Body")
    writer.raw(payload)
    return writer.bytes
  }

  private static let noJobID = refusal("the row's job id can't be made again")

  private static func refusal(_ reason: String) -> ControlError {
    ControlError(.invalidArgument, "the message can't be made anew: \(reason)")
  }
}

/// Rows whose messages were put a moment ago, while the row itself may still say "given up": it is written behind.
final class RetriedFailures: Sendable {
  /// Longer than the failure log gathers and pauses.
  static let memory = Duration.seconds(15)
  /// When more are put within that time the oldest are forgotten.
  static let bound = 10_000

  private let rows = Locked<[(id: Int, at: ContinuousClock.Instant)]>([])

  func contains(_ id: Int) -> Bool {
    let oldest = ContinuousClock.now - Self.memory
    return rows.withLock { rows in
      rows.removeAll { $0.at < oldest }
      return rows.contains { $0.id == id }
    }
  }

  func insert(_ id: Int) {
    rows.withLock { rows in
      if rows.count >= Self.bound { rows.removeFirst() }
      rows.append((id, .now))
    }
  }
}

extension Engine {
  /// What came of ``putAgain(_:_:topic:)``.
  enum PutAgain: Sendable {
    case stored(server: String)
    case noSubscription
    case tooBig
    case refused(String)
    case unanswered(server: String)
  }

  /// Puts a message that was given up into its channel, then says so to the failure log. Each server is tried once.
  func putAgain(_ bytes: [UInt8], _ reopening: FailureEntry, topic: String) async -> PutAgain {
    guard let channel = context.directory.channel(reopening.subscription), let tube = channel.names?.channel,
      channel.topic == topic
    else { return .noSubscription }
    guard !context.isStopping else { return .refused("the dispatcher stops") }
    context.work.begin()
    defer { context.work.end() }
    var reason = "none can be reached"
    for desk in context.desksToTry() {
      switch await context.put([Put(tube: tube, body: bytes)], at: desk).first ?? .unavailable {
      case .stored:
        supervisor.announce(channel, .channel, 1, at: desk.index)
        // In this turn of the loop, hence before anything can be known of its push.
        _ = await context.failures?.failed(reopening, isFirst: false)
        return .stored(server: desk.queue.address.description)
      case .tooBig: return .tooBig
      case .refused(let text): reason = text
      case .unanswered: return .unanswered(server: desk.queue.address.description)
      case .unavailable: continue
      }
    }
    return .refused(reason)
  }
}
