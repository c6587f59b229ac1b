import Logging
import MEDLoop

/// What is not the common case: unknown topics, refused copies, undecodable jobs, and messages that must wait.
extension Intake {
  /// Where a parked message goes on.
  enum ParkedStep {
    case lookUp
    /// Copies for these subscriptions are missing; all others are confirmed.
    case place([Int])
    /// The record of bytes that are no message is missing.
    case recordUndecodable
  }

  func resume(_ job: Job, _ step: ParkedStep) async {
    let envelope: Envelope
    do throws(MessageError) {
      envelope = try Envelope(job.body)
    } catch {
      return await recordUndecodable(job, "\(error)")
    }
    switch step {
    case .lookUp, .recordUndecodable:
      await lookUpAndCopy(job, envelope)
    case .place(let subscriptions):
      // Cancelled meanwhile: nobody waits for the copy any more.
      let channels = subscriptions.compactMap { context.directory.channel($0) }
      guard !channels.isEmpty else { return discardUnsubscribed(job, topic: envelope.topic) }
      await copy(job, envelope, to: channels)
    }
    if !parking.isFull { wakeListeners() }
  }

  func lookUpAndCopy(_ job: Job, _ envelope: Envelope) async {
    let channels: [SubscribedChannel]
    do throws(StoreError) {
      channels = try await context.directory.resolve(envelope.topic)
    } catch {
      return park(job, .lookUp)
    }
    if channels.isEmpty {
      discardUnsubscribed(job, topic: envelope.topic)
    } else {
      await copy(job, envelope, to: channels)
    }
  }

  private func copy(_ job: Job, _ envelope: Envelope, to channels: [SubscribedChannel]) async {
    let entry = Settler.Entry(
      job: job, settlement: Settlement(homes: UInt32(channels.count)), topic: envelope.topic, subscription: nil)
    await place(envelope.setting(originJobID: job.id.number), of: entry, in: channels.map { Unplaced(channel: $0) })
  }

  /// Finds a home for each copy that has none: another server, a later try, at last the DATA log.
  func place(_ copy: [UInt8], of entry: Settler.Entry, in unplaced: [Unplaced]) async {
    var entry = entry
    var waiting: [Int] = []
    for place in unplaced {
      let channel = place.channel
      switch await placement(of: copy, place) {
      case .stored(let target):
        context.counters.copies += 1
        announce(channel, target, 1)
        desk.settler.homeFound(&entry)
      case .mustWait:
        waiting.append(channel.id)
      case .refused(let reason):
        if await recordRedistributionFailure(copy, entry, channel, reason) {
          desk.settler.homeFound(&entry)
        } else {
          waiting.append(channel.id)
        }
      }
    }
    if !waiting.isEmpty { park(entry.job, .place(waiting)) }
  }

  private func placement(of copy: [UInt8], _ place: Unplaced) async -> CopyPlacement.Outcome {
    if let refusal = place.refusal { return .refused(refusal) }
    return await CopyPlacement(context).place(copy, in: place.channel.names?.channel, own: desk)
  }

  private func recordRedistributionFailure(
    _ copy: [UInt8], _ entry: Settler.Entry, _ channel: SubscribedChannel, _ reason: String
  ) async -> Bool {
    let record = DataRecord(
      .redistributionFailed, topic: channel.topic, subscription: channel.id,
      queueServer: desk.queue.address.description, tube: channel.names?.channel.description,
      jobID: entry.job.id.number, reason: reason, payload: copy)
    guard await commit(record) else { return false }
    context.counters.redistributionFailures += 1
    context.logger.error(
      "a copy could not be put into its channel and was recorded",
      metadata: [
        LogKey.topic: "\(channel.topic)", LogKey.subscription: "\(channel.id)",
        LogKey.jobID: "\(entry.job.id.number)", LogKey.reason: "\(reason)",
      ])
    return true
  }

  func recordUndecodable(_ job: Job, _ reason: String) async {
    let record = DataRecord(
      .undecodable, queueServer: desk.queue.address.description, tube: job.tube.description, jobID: job.id.number,
      reason: reason, payload: job.body)
    guard await commit(record) else { return park(job, .recordUndecodable) }
    context.counters.undecodable += 1
    context.logger.error(
      "a job is no message and was recorded",
      metadata: [LogKey.tube: "\(job.tube)", LogKey.jobID: "\(job.id.number)", LogKey.reason: "\(reason)"])
    var entry = Settler.Entry(job: job, settlement: Settlement(), topic: nil, subscription: nil)
    desk.settler.homeFound(&entry)
  }

  /// - Returns: whether the record is on disk.
  private func commit(_ record: DataRecord) async -> Bool {
    await context.commit(record)
  }

  private func park(_ job: Job, _ step: ParkedStep) {
    if context.isStopping {
      var entry = Settler.Entry(job: job, settlement: Settlement(), topic: nil, subscription: nil)
      desk.settler.giveBack(&entry)
    } else {
      parking.park(job, desk, step)
    }
  }
}

extension EngineContext {
  /// - Returns: whether the record is on disk. If not, the error log says so, and the message must wait.
  func commit(_ record: DataRecord) async -> Bool {
    do {
      try await dataLog.commit(record)
      return true
    } catch {
      logger.error(
        "the DATA log can't be written; messages wait for it",
        metadata: [LogKey.record: "\(record.kind.rawValue)", LogKey.error: "\(error)"])
      return false
    }
  }
}
