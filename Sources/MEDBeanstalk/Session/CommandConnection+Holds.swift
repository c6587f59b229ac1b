import MEDCore
import MEDLoop

/// The tubes that the connection watches: for as long as they are put into, or pinned.
extension CommandConnection {
  func pin(_ tube: TubeName) {
    pins[tube, default: 0] += 1
    guard connection != nil, holds[tube] == nil else { return }
    _ = hold(for: tube)
    scheduleFlush()
  }

  func unpin(_ tube: TubeName) {
    guard let count = pins[tube] else { return }
    pins[tube] = count > 1 ? count - 1 : nil
    if count == 1 { setSweepTimer() }
  }

  func holdAnswered(_ hold: Hold, _ refusal: String?) {
    guard holds[hold.tube] === hold else { return }
    if let refusal {
      forget(hold)
      gatheredBytes -= hold.queue.reduce(0) { $0 + $1.put.body.count + Self.putOverhead }
      for queued in hold.queue { queued.finish(.refused(refusal)) }
    } else {
      hold.state = .held
      hold.lastUse = endpoint.actor.loop.now
      if !hold.queue.isEmpty { ready.append(hold) }
    }
  }

  private func forget(_ hold: Hold) {
    holds[hold.tube] = nil
    if latestHold === hold { latestHold = nil }
  }

  func setSweepTimer() {
    guard sweepTimer == nil, connection != nil, !holds.isEmpty else { return }
    sweepTimer = endpoint.actor.loop.schedule(after: endpoint.configuration.holdTime / 2) { [weak self] in
      self?.sweepTimer = nil
      self?.sweep()
    }
  }

  /// Lets go of what wasn't used for long.
  private func sweep() {
    let limit = endpoint.actor.loop.now - endpoint.configuration.holdTime
    letGo(holds.values.filter { isLoose($0) && $0.lastUse <= limit })
    if holds.keys.contains(where: { pins[$0] == nil }) { setSweepTimer() }
  }

  /// Makes room: the quarter that wasn't used for longest goes.
  func evict() {
    let oldestFirst = holds.values.filter(isLoose).sorted { $0.lastUse < $1.lastUse }
    letGo(oldestFirst.prefix(max(1, endpoint.configuration.maximumHolds / 4)))
  }

  private func isLoose(_ hold: Hold) -> Bool {
    hold.state == .held && hold.queue.isEmpty && pins[hold.tube] == nil
  }

  private func letGo(_ loose: some Collection<Hold>) {
    guard let connection else { return }
    var commands = 0
    for hold in loose {
      forget(hold)
      // A connection that ignored it might be left with one watched tube, which can't be ignored.
      if hold.tube == .standard { continue }
      if hold.tube == tubeInUse {
        connection.output.append(.use(.standard))
        tubeInUse = .standard
        commands += 1
      }
      connection.output.append(.ignore(hold.tube))
      commands += 1
    }
    guard commands > 0 else { return }
    connection.expect(HousekeepingExchange(commands))
    scheduleFlush()
  }
}

extension TubeName {
  /// The tube that every connection uses and watches at first, and that always exists.
  static let standard = TubeName("default") ?? { preconditionFailure() }()  // why: it is a valid name
}
