import Logging
import MEDLoop

/// What a lane tells the failure log, and when: after a push has failed, before its message is copied; when a message
/// that has failed before has ended, before its job is deleted.
extension Lane {
  /// Whether the message has a row that must be closed. For a message at its first push it costs two comparisons.
  func mayHaveRow(_ envelope: Envelope, _ jobID: String) -> Bool {
    guard let failures = context.failures else { return false }
    return kind == .retry || envelope.retryTimes > 0 || envelope.logID > 0
      || failures.isUnsettled(channel.id, jobID)
  }

  /// A push has failed.
  func noteFailure(
    _ owned: Owned, _ envelope: Envelope, _ jobID: String, _ retryTimes: UInt64, _ target: Target,
    _ answer: PushAnswer, _ reason: String
  ) async -> FailureLogWriter.Ticket? {
    guard let failures = context.failures else { return nil }
    let shown = FailureText.target(target)
    let text = failures.text.failure(of: shown, answer, reason: reason)
    return await note(owned, envelope, jobID, retryTimes, text, target: shown, failures)
  }

  /// What comes after the failed push has failed for good.
  func noteRefusal(_ owned: Owned, _ envelope: Envelope, _ retryTimes: UInt64, _ reason: String) async {
    guard let failures = context.failures else { return }
    var entry = entry(envelope, envelope.pushJobID(subscription: channel.id), retryTimes)
    entry.firstFailure = failures.text.failure(reason)
    entry.lastFailure = entry.firstFailure
    owned.desk.detain(owned.job)
    _ = await failures.failed(entry, isFirst: kind == .channel)
  }

  private func note(
    _ owned: Owned, _ envelope: Envelope, _ jobID: String, _ retryTimes: UInt64, _ text: String, target: String,
    _ failures: FailureLogWriter
  ) async -> FailureLogWriter.Ticket {
    var entry = entry(envelope, jobID, retryTimes)
    entry.firstFailure = text
    entry.lastTarget = target
    if retryTimes > 0 {
      entry.lastFailure = text
      entry.lastRetryTime = entry.time
    }
    owned.desk.detain(owned.job)
    return await failures.failed(entry, isFirst: kind == .channel)
  }

  /// A message with a row was delivered.
  func noteDelivery(
    _ owned: Owned, _ envelope: Envelope, _ jobID: String, _ retryTimes: UInt64, _ target: Target
  ) async {
    guard let failures = context.failures else { return }
    var entry = entry(envelope, jobID, retryTimes)
    entry.lastTarget = FailureText.target(target)
    if retryTimes > 0 { entry.lastRetryTime = entry.time }
    entry.end = .delivered
    owned.desk.detain(owned.job)
    await failures.ended(entry)
  }

  /// A record is the message's home from now on: its row, if it has one, is closed.
  func noteRecord(_ owned: Owned, _ record: RecordKind, reason: String) async {
    guard let failures = context.failures, let envelope = try? Envelope(owned.job.body) else { return }
    let jobID = envelope.pushJobID(subscription: channel.id)
    guard record == .exhausted || mayHaveRow(envelope, jobID) else { return }
    let retryTimes =
      kind == .retry && envelope.retryTimes < .max && record == .exhausted
      ? envelope.retryTimes + 1 : envelope.retryTimes
    var entry = entry(envelope, jobID, retryTimes)
    // Of an exhausted message the failed push has told already.
    if record != .exhausted {
      entry.firstFailure = failures.text.failure(reason)
      entry.lastFailure = entry.firstFailure
    }
    entry.end = .givenUp
    await failures.ended(entry)
  }

  private func entry(_ envelope: Envelope, _ jobID: String, _ retryTimes: UInt64) -> FailureEntry {
    FailureEntry(
      subscription: channel.id, jobID: jobID, topicID: channel.subscription.topicID,
      subscriberID: channel.subscription.subscriberID, logID: envelope.logID, messageTime: envelope.time,
      message: envelope.bytes, time: FailureLogWriter.now(), retryTimes: retryTimes)
  }

  /// The message for its retry channel: what has changed in it, and nothing else.
  func retryCopy(_ envelope: Envelope, _ retryTimes: UInt64) -> (bytes: [UInt8], withoutRow: [UInt8]?) {
    let changed = envelope.retryTimes == retryTimes ? nil : retryTimes
    let plain = { changed == nil ? envelope.bytes : envelope.setting(retryTimes: changed) }
    guard let failures = context.failures,
      let row = failures.row(channel.id, envelope.pushJobID(subscription: channel.id)), row != envelope.logID
    else { return (plain(), nil) }
    return (envelope.setting(retryTimes: changed, logID: row), plain())
  }
}
