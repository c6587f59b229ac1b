import DequeModule
import Logging
import MEDLoop
import ServiceLifecycle

/// The way of alerts out of their queues.
extension Alerts {
  /// Works until its ServiceGroup shuts down, or its task is cancelled. What waits then is sent within
  /// ``Timing/stop``, and the rest logged.
  public func run() async {
    await withGracefulShutdownHandler {
      await withDiscardingTaskGroup { group in
        for await way in calls { group.addTask { await self.work(on: way) } }
        await finish(within: timing.stop)
        group.cancelAll()
      }
    } onGracefulShutdown: {
      self.caller.finish()
    }
    close()
  }

  /// Ends when the queue is empty.
  private func work(on way: AlertWay) async {
    while let (errand, tries) = next(on: way) {
      var outcome = AlertOutcome.failed("the dispatcher stopped")
      for number in 1...tries {
        if number > 1, (try? await Task.sleep(for: timing.pauses[number - 2])) == nil { break }
        if Task.isCancelled { break }
        outcome = await gateways[way]?.send(errand.parcel) ?? .refused(AlertDelivery.noGateway)
        guard note(outcome, of: errand) else { break }
      }
      settle(errand, outcome, on: way)
    }
  }

  private func next(on way: AlertWay) -> (Errand, tries: Int)? {
    let (next, idle) = state.withLock { state -> ((Errand, Int)?, CheckedContinuation<Void, Never>?) in
      if !state.isClosed, let errand = state.queues[way]?.popFirst() {
        return ((errand, state.failing.contains(way) ? 1 : timing.pauses.count + 1), nil)
      }
      state.workers[way, default: 1] -= 1
      guard state.workers.values.allSatisfy({ $0 == 0 }) else { return (nil, nil) }
      defer { state.idle = nil }
      return (nil, state.idle)
    }
    idle?.resume()
    return next
  }

  /// - Returns: whether another try may help.
  private func note(_ outcome: AlertOutcome, of errand: Errand) -> Bool {
    state.withLock { $0.underWay[errand.number]?.deliveries[errand.place].tried(outcome) ?? false }
  }

  private func settle(_ errand: Errand, _ outcome: AlertOutcome, on way: AlertWay) {
    let (ended, hasBegunToFail) = state.withLock { state -> (AlertRecord?, Bool) in
      var hasBegunToFail = false
      switch outcome {
      case .delivered: state.failing.remove(way)
      // What a stop has cut off tells nothing of the gateway.
      case .failed: if !Task.isCancelled { hasBegunToFail = state.failing.insert(way).inserted }
      case .refused: break
      }
      return (state.settle(errand, outcome), hasBegunToFail)
    }
    if hasBegunToFail, case .failed(let problem) = outcome {
      logger.warning(
        "an alert gateway doesn't take alerts",
        metadata: [LogKey.gateway: "\(way.rawValue)", LogKey.error: "\(problem)"])
    }
    if let ended { tell(ended) }
  }

  private func tell(_ record: AlertRecord) {
    let metadata: Logger.Metadata = [LogKey.count: "\(record.deliveries.count { $0.isDelivered })"]
    guard record.state == .failed else { return tell(.info, "an alert was sent", record.alert, metadata) }
    tell(
      .error, "an alert wasn't sent to everybody", record.alert,
      metadata.merging([LogKey.error: "\(record.problems.joined(separator: "; "))"]) { $1 })
  }

  // MARK: The end

  /// Waits until all queues are empty and all workers have ended.
  private func finish(within limit: Duration) async {
    let timer = Task {
      try? await Task.sleep(for: limit)
      self.timeIsUp()
    }
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        let isOver = state.isLate || state.workers.values.allSatisfy { $0 == 0 }
        if !isOver { state.idle = continuation }
        return isOver
      }
      if isOver { continuation.resume() }
    }
    timer.cancel()
    // Workers take nothing more from their queues.
    state.withLock { $0.isClosed = true }
  }

  private func timeIsUp() {
    let idle = state.withLock { state in
      state.isLate = true
      defer { state.idle = nil }
      return state.idle
    }
    idle?.resume()
  }

  /// What was never tried is logged.
  private func close() {
    let left = state.withLock { state in
      state.isClosed = true
      state.queues = [:]
      let left = state.underWay.values.sorted { $0.number < $1.number }
      for record in left { state.end(record, .failed) }
      return left
    }
    for record in left { tell(.error, "an alert wasn't sent before the end", record.alert) }
  }
}

extension Alerts.State {
  /// - Returns: the alert, if that was its last recipient.
  mutating func settle(_ errand: Alerts.Errand, _ outcome: AlertOutcome) -> AlertRecord? {
    guard var record = underWay[errand.number] else { return nil }
    waiting[record.deliveries[errand.place].way, default: 1] -= 1
    if record.deliveries[errand.place].tries == 0 { _ = record.deliveries[errand.place].tried(outcome) }
    record.unsettled -= 1
    underWay[errand.number] = record
    guard record.unsettled == 0 else { return nil }
    // Those without a gateway at all are no failure of this alert, as long as others have it.
    let isSent =
      record.deliveries.contains(where: \.isDelivered)
      && record.deliveries.allSatisfy { $0.isDelivered || $0.problem == AlertDelivery.noGateway }
    end(record, isSent ? .sent : .failed)
    return over.last
  }
}

// MARK: Tests

extension Alerts {
  /// Recipients that a test asks for at a time.
  private static let testWidth = 16

  /// Tries an alert on all of its recipients, one time, and waits for what comes of it. It is remembered like others, and
  /// counted as none.
  public func test(_ alert: Alert) async -> AlertRecord {
    let settings = settings
    let route = AlertRoute(alert, over: gateways.configured, settings)
    var alert = alert
    if let note = route.note { alert.content += "\n" + note }
    var record = AlertRecord(state.withLock { $0.nextNumber() }, alert)
    for start in stride(from: 0, to: route.stops.count, by: Self.testWidth) {
      let stops = route.stops[start..<min(start + Self.testWidth, route.stops.count)]
      record.deliveries += await tried(stops, alert, over: settings.channel)
    }
    record.deliveries += route.missing.map { AlertDelivery($0, problem: AlertDelivery.noGateway) }
    record.state =
      route.stops.isEmpty ? .unaddressed : record.deliveries.allSatisfy(\.isDelivered) ? .sent : .failed
    state.withLock { [record] in $0.remember(record) }
    return record
  }

  /// - Returns: what came of each, in their order.
  private func tried(
    _ stops: ArraySlice<AlertRoute.Stop>, _ alert: Alert, over channel: String
  ) async -> [AlertDelivery] {
    await withTaskGroup(of: (Int, AlertDelivery).self) { group in
      for (place, stop) in stops.enumerated() {
        group.addTask {
          var delivery = AlertDelivery(stop)
          let parcel = AlertParcel(alert, to: stop.recipient, over: channel)
          _ = delivery.tried(await self.gateways[stop.way]?.send(parcel) ?? .refused(AlertDelivery.noGateway))
          return (place, delivery)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}
