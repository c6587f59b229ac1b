import Logging
import MEDLoop

/// What is not the common case: unknown topics, refused copies, undecodable jobs, and messages that must wait.
extension Intake {
  /// Where a parked message goes on.
  enum ParkedStep {
    case lookUp
    /// Copies for these subscriptions are missing, and those for others their line in the drop log; all else is
    /// confirmed.
    case place([Int], drop: [Int])
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
    case .place(let copies, let drops):
      // Cancelled meanwhile: nobody waits for the copy any more.
      let channels = copies.compactMap { context.directory.channel($0) }.filter(\.getsCopies)
      for channel in channels { context.backlog.copyBegins(channel) }
      let dropped = drops.compactMap { context.directory.channel($0) }
      await place(
        job, envelope,
        channels.map { Unplaced(channel: $0) } + dropped.map { Unplaced(channel: $0, isDropped: true) })
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
    await place(
      job, envelope,
      channels.map { channel in
        Unplaced(channel: channel, isDropped: channel.mayDrop && !context.backlog.admits(channel))
      })
  }

  private func place(_ job: Job, _ envelope: Envelope, _ unplaced: [Unplaced]) async {
    guard !unplaced.isEmpty else { return discardUnsubscribed(job, topic: envelope.topic) }
    let entry = Settler.Entry(
      job: job, settlement: Settlement(homes: UInt32(unplaced.count)), topic: envelope.topic, subscription: nil)
    await place(envelope.setting(originJobID: job.id.number), of: entry, in: unplaced)
  }

  /// Finds a home for each copy that has none: another server, a later try, at last the DATA log.
  func place(_ copy: [UInt8], of entry: Settler.Entry, in unplaced: [Unplaced]) async {
    var entry = entry
    var waiting: [Int] = []
    var waitingForDropLog: [Int] = []
    for place in unplaced {
      let channel = place.channel
      if place.isDropped {
        if await !drop(copy, &entry, channel) { waitingForDropLog.append(channel.id) }
        continue
      }
      let outcome = await placement(of: copy, place)
      if case .stored(let target) = outcome {
        context.backlog.copyStored(channel, at: target.index)
      } else {
        context.backlog.copyAbandoned(channel)
      }
      switch outcome {
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
    if !waiting.isEmpty || !waitingForDropLog.isEmpty { park(entry.job, .place(waiting, drop: waitingForDropLog)) }
  }

  private func placement(of copy: [UInt8], _ place: Unplaced) async -> CopyPlacement.Outcome {
    if let refusal = place.refusal { return .refused(refusal) }
    return await CopyPlacement(context).place(copy, in: place.channel.names?.channel, own: desk, tried: place.tried)
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
    await withPatience(forDisk: { await context.commit(record) })
  }

  func park(_ job: Job, _ step: ParkedStep) {
    if context.isStopping {
      var entry = Settler.Entry(job: job, settlement: Settlement(), topic: nil, subscription: nil)
      desk.settler.giveBack(&entry)
    } else {
      parking.park(job, desk, step)
    }
  }
}

extension EngineContext {
  /// - Parameter log: nil: the DATA log.
  /// - Returns: whether the record is on disk. If not, the message must wait, and the error log says so, once a second.
  func commit(_ record: DataRecord, to log: (any DataLog)? = nil) async -> Bool {
    do {
      try await (log ?? dataLog).commit(record)
      return true
    } catch {
      guard let count = commitReport.happened(log != nil, now: actor.loop.now) else { return false }
      logger.error(
        log == nil
          ? "the DATA log can't be written; messages wait for it"
          : "the drop log can't be written; messages wait for it",
        metadata: [
          LogKey.record: "\(record.kind.rawValue)", LogKey.count: "\(count)", LogKey.error: "\(error)",
        ])
      return false
    }
  }
}
