import Logging
import MEDLoop

/// One message, from its job in hand to its end: pushed, then deleted; or put into the retry channel, then deleted; or
/// given up: recorded, then deleted.
extension Lane {
  /// Where a parked message goes on.
  enum ParkedStep {
    /// The push failed; the message must get into the retry channel.
    case putForRetry(retryTimes: UInt64, delay: UInt32, FailureLogWriter.Ticket?)
    /// Only the record is missing.
    case record(RecordKind, reason: String)
  }

  func attempt(_ owned: Owned) async {
    let envelope: Envelope
    let request: PushRequest
    let jobID: String
    let retryTimes: UInt64
    let target: Target
    do throws(MessageError) {
      envelope = try Envelope(owned.job.body)
      retryTimes = kind == .retry && envelope.retryTimes < .max ? envelope.retryTimes + 1 : envelope.retryTimes
      jobID = envelope.pushJobID(subscription: channel.id)
      guard let chosen = choice.next(at: context.actor.loop.now) else {
        pushEnded()
        context.counters.dropped += 1
        context.warn(.noTarget, of: channel, "no URL to push to; the message is dropped")
        return await record(owned, .dropped, reason: "the subscription has no URL to push to")
      }
      target = chosen
      request = try context.requests.request(
        for: envelope, of: channel, to: target, jobID: jobID, retryTimes: retryTimes
      ) { header in
        context.warn(
          .unsendableHeader, of: channel, "a header that can't be sent was left out", [LogKey.header: "\(header)"])
      }
    } catch {
      pushEnded()
      return await recordUndecodable(owned, error)
    }

    pushBegins()
    let isLogged = context.configuration.logsSentMessages
    let start = ContinuousClock.now
    let answer = await context.push(request)
    let elapsed = ContinuousClock.now - start
    let verdict = judge(answer, of: target)
    pushEnded()
    countOutcome(answer, verdict, elapsed)
    if isLogged { logSent(envelope, jobID, retryTimes, target, answer, verdict, elapsed: elapsed) }
    switch verdict {
    case .delivered:
      context.counters.delivered += 1
      countPush(isFailure: false)
      if mayHaveRow(envelope, jobID) { await noteDelivery(owned, envelope, jobID, retryTimes, target) }
      finish(owned)
    case .failed(_, _) where answer.isCancelled:
      // The dispatcher stops and the push was cut off: not known to have failed.
      giveBackStarted(owned)
    case .failed(let reason, let requestedDelay):
      context.counters.failedPushes += 1
      countPush(isFailure: true)
      context.logger.debug(
        "push failed",
        metadata: [
          LogKey.subscription: "\(channel.id)", LogKey.topic: "\(channel.topic)", LogKey.jobID: "\(jobID)",
          LogKey.retryTimes: "\(retryTimes)", LogKey.reason: "\(target): \(reason)",
        ])
      context.alerts?.pushFailed(channel, .init(jobID: jobID, retryTimes: retryTimes, target: target, reason: reason))
      let ticket = await noteFailure(owned, envelope, jobID, retryTimes, target, answer, reason)
      await failed(owned, envelope, retryTimes, "\(target): \(reason)", requestedDelay, ticket)
    }
  }

  private func countOutcome(_ answer: PushAnswer, _ verdict: Judgement, _ elapsed: Duration) {
    let isDelivered = if case .delivered = verdict { true } else { false }
    guard let outcome = PushOutcome(answer, isDelivered: isDelivered) else { return }
    context.tally.count(kind, outcome, took: elapsed)
  }

  private enum Judgement {
    case delivered
    case failed(reason: String, requestedDelay: UInt32)
  }

  private func judge(_ answer: PushAnswer, of target: Target) -> Judgement {
    switch answer {
    case .answered(let status, let body, let truncated, let retryAfter):
      choice.answered(target)
      let verdict = PushVerdict(status: status, body: body, truncated: truncated, mode: channel.parameters.ackMode)
      guard case .failed(let reason) = verdict else { return .delivered }
      let isAsking = status == 429 || status == 503
      let requested = isAsking ? retryAfter.map { RetryAfter.seconds($0, now: .now()) } ?? 0 : 0
      return .failed(reason: "\(reason)", requestedDelay: requested)
    case .failed(let failure):
      if failure.kind == .refused || failure.kind == .unreachable {
        choice.refused(target, at: context.actor.loop.now)
      }
      return .failed(reason: failure.message, requestedDelay: 0)
    }
  }

  // MARK: After a failure

  private func failed(
    _ owned: Owned, _ envelope: Envelope, _ retryTimes: UInt64, _ reason: String, _ requestedDelay: UInt32,
    _ ticket: FailureLogWriter.Ticket?
  ) async {
    owned.desk.detain(owned.job)
    let schedule = context.configuration.retrySchedule
    guard !schedule.givesUp(after: retryTimes) else {
      return await giveUp(owned, reason: "given up after \(retryTimes) retries: \(reason)")
    }
    let delay = schedule.delay(after: retryTimes, requested: requestedDelay)
    await putForRetry(owned, envelope, retryTimes, delay, ticket)
  }

  private func putForRetry(
    _ owned: Owned, _ envelope: Envelope, _ retryTimes: UInt64, _ delay: UInt32, _ ticket: FailureLogWriter.Ticket?
  ) async {
    let copy = retryCopy(envelope, retryTimes)
    let placement = CopyPlacement(context)
    var outcome = await placement.place(
      copy.bytes, in: retryTube, delay: delay, own: owned.desk, preferred: owned.desk)
    if case .refused(CopyPlacement.tooBig) = outcome, let smaller = copy.withoutRow {
      outcome = await placement.place(smaller, in: retryTube, delay: delay, own: owned.desk, preferred: owned.desk)
    }
    switch outcome {
    case .stored(let desk):
      if let ticket { context.failures?.settled(ticket) }
      context.counters.retried += 1
      laneForRetries()?.announce(1, at: desk.index, after: .seconds(Int(delay)))
      finish(owned)
    case .refused(CopyPlacement.tooBig):
      let reason = "JOB_TOO_BIG in the retry channel"
      await noteRefusal(owned, envelope, retryTimes, reason)
      await giveUp(owned, reason: reason)
    case .refused, .mustWait:
      if let ticket { context.failures?.mustWait(ticket) }
      park(owned, .putForRetry(retryTimes: retryTimes, delay: delay, ticket))
    }
  }

  private func giveUp(_ owned: Owned, reason: String) async {
    context.counters.exhausted += 1
    await record(owned, .exhausted, reason: reason)
  }

  private func recordUndecodable(_ owned: Owned, _ error: MessageError) async {
    context.counters.undecodable += 1
    await record(owned, .undecodable, reason: "\(error)")
  }

  /// The record is the message's home from now on.
  private func record(_ owned: Owned, _ kind: RecordKind, reason: String) async {
    owned.desk.detain(owned.job)
    let record = DataRecord(
      kind, topic: channel.topic, subscription: channel.id, queueServer: owned.desk.queue.address.description,
      tube: tube.description, jobID: owned.job.id.number, reason: reason, payload: owned.job.body)
    if await context.commit(record) {
      await noteRecord(owned, kind, reason: reason)
      finish(owned)
    } else {
      park(owned, .record(kind, reason: reason))
    }
  }

  // MARK: Ends

  private func entry(_ owned: Owned) -> Settler.Entry {
    Settler.Entry(job: owned.job, settlement: Settlement(), topic: channel.topic, subscription: channel.id)
  }

  /// The message has its home: the job may go.
  private func finish(_ owned: Owned) {
    var entry = entry(owned)
    owned.desk.settler.homeFound(&entry)
    letGo(owned)
  }

  private func giveBackStarted(_ owned: Owned) {
    var entry = entry(owned)
    owned.desk.settler.giveBack(&entry)
    letGo(owned)
  }

  private func park(_ owned: Owned, _ step: ParkedStep) {
    guard !context.isStopping && !isCancelled else { return giveBackStarted(owned) }
    parking.park(owned.job, owned.desk, step)
    letGo(owned)
  }

  /// A parked message goes on at the step that failed.
  func resume(_ owned: Owned, _ step: ParkedStep) async {
    takeUp(owned)
    switch step {
    case .putForRetry(let retryTimes, let delay, let ticket):
      do throws(MessageError) {
        await putForRetry(owned, try Envelope(owned.job.body), retryTimes, delay, ticket)
      } catch {
        await recordUndecodable(owned, error)
      }
    case .record(let kind, let reason):
      await record(owned, kind, reason: reason)
    }
  }

  private func logSent(
    _ envelope: Envelope, _ jobID: String, _ retryTimes: UInt64, _ target: Target, _ answer: PushAnswer,
    _ verdict: Judgement, elapsed: Duration
  ) {
    guard let body = try? PushBody.json(envelope) else { return }
    let isDelivered = if case .delivered = verdict { true } else { false }
    let status = if case .answered(let status, _, _, _) = answer { status } else { 0 }
    context.dataLog.write(
      DataRecord(
        retryTimes == 0 ? .sent : .resent, topic: channel.topic, subscription: channel.id,
        push: .init(
          jobID: jobID, delivered: isDelivered, status: status, elapsed: elapsed, target: target.description, body: body
        )))
  }
}

extension PushAnswer {
  var isCancelled: Bool {
    if case .failed(let failure) = self { failure.kind == .cancelled } else { false }
  }
}
