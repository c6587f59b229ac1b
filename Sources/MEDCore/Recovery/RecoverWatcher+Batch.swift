import Logging
import MEDLoop

/// One batch, from what was taken to what is removed.
extension RecoverWatcher {
  /// A message that no queue server has taken yet.
  private struct Unplaced {
    let entry: RecoverEntry
    let put: Put
    let topic: String
    var reason = "no queue server can be reached"
  }

  /// - Returns: false: something is away, and it is better to wait.
  func settle(_ entries: [RecoverEntry]) async -> Bool {
    var unplaced: [Unplaced] = []
    var unrecorded: [RecoverRecorder.Item] = []
    for entry in entries {
      switch RecoveredEntry(entry.bytes) {
      case .message(let envelope): unplaced.append(Unplaced(entry: entry, put: put(envelope), topic: envelope.topic))
      case .wrongType(let name):
        unrecorded.append(record(.recoverTypeFailed, entry, "a message or a string expected, found: \(name)"))
      case .undecodable(let error): unrecorded.append(record(.recoverDecodeFailed, entry, "\(error)"))
      }
    }
    var finished: [RecoverEntry] = []
    var isWell = true
    if !unplaced.isEmpty {
      let placement = await place(unplaced)
      finished = placement.stored
      unrecorded += placement.tooBig.map { record(.recoverPutBackFailed, $0.entry, CopyPlacement.tooBig, $0.topic) }
      if !placement.left.isEmpty {
        isWell = false
        let away = await putBack(placement.left)
        finished += away.stored
        unrecorded += away.refused.map { record(.recoverPutBackFailed, $0.entry, $0.reason, $0.topic) }
      }
    }
    context.counters.recovered += UInt64(finished.count)
    recorder.add(unrecorded)
    return await remove(finished) && isWell
  }

  private func put(_ envelope: Envelope) -> Put {
    Put(
      tube: context.configuration.mainQueue, body: envelope.bytes, delay: envelope.delay,
      priority: envelope.hasPriority ? envelope.priority : Put.priority)
  }

  private func record(
    _ kind: RecordKind, _ entry: RecoverEntry, _ reason: String, _ topic: String? = nil
  ) -> RecoverRecorder.Item {
    RecoverRecorder.Item(
      entry: entry,
      record: DataRecord(kind, topic: topic, reason: "\(reason); list \(entry.list)", payload: entry.bytes))
  }

  // MARK: Queue servers

  /// Every server three times in all, with pauses between the rounds; the whole rest of the batch goes to each together.
  private func place(_ unplaced: [Unplaced]) async -> (stored: [RecoverEntry], tooBig: [Unplaced], left: [Unplaced]) {
    var left = unplaced
    var stored: [RecoverEntry] = []
    var tooBig: [Unplaced] = []
    var pause = context.configuration.placementPause
    for round in 1...CopyPlacement.rounds {
      for desk in context.desksToTry() where !left.isEmpty {
        let outcomes = await context.put(left.map(\.put), at: desk)
        var rest: [Unplaced] = []
        for (index, message) in left.enumerated() {
          var message = message
          switch index < outcomes.count ? outcomes[index] : .unavailable {
          case .stored:
            stored.append(message.entry)
            continue
          case .tooBig:
            tooBig.append(message)
            continue
          case .refused(let text): message.reason = text
          case .unanswered: message.reason = "the connection broke before the answer"
          case .unavailable: message.reason = "the queue server can't be reached"
          }
          rest.append(message)
        }
        left = rest
      }
      guard !left.isEmpty, round < CopyPlacement.rounds, !isStopping else { break }
      try? await context.actor.loop.sleep(for: pause)
      pause = pause * 4
    }
    return (stored, tooBig, left)
  }

  // MARK: Back

  /// Back to the lists: others may have queue servers that take them. While the lists can't be reached either, both are
  /// tried for a while: the messages lie on the list of this process.
  private func putBack(_ messages: [Unplaced]) async -> (stored: [RecoverEntry], refused: [Unplaced]) {
    var left = messages
    var stored: [RecoverEntry] = []
    let begun = ContinuousClock.now
    var pause = configuration.pauses.lowerBound
    while true {
      do {
        let reasons = try await lists.putBack(left.map(\.entry))
        var refused: [Unplaced] = []
        for (index, message) in left.enumerated() {
          guard index < reasons.count, let reason = reasons[index] else { continue }
          var message = message
          message.reason += "; its list doesn't take it back: \(reason)"
          refused.append(message)
        }
        if refused.count < left.count { tellPutBack(left.count - refused.count, left.first?.reason) }
        return (stored, refused)
      } catch {
        if isStopping { return (stored, []) }
        guard ContinuousClock.now - begun < configuration.patience else {
          for index in left.indices { left[index].reason += "; its list can't be reached: \(error)" }
          return (stored, left)
        }
      }
      try? await context.actor.loop.sleep(for: pause)
      pause = min(pause * 2, configuration.pauses.upperBound)
      guard !isStopping, context.desks.contains(where: \.queue.isReachable) else { continue }
      let placement = await place(left)
      stored += placement.stored
      // Too big is for the record, and for no list.
      left = placement.left + placement.tooBig
      if left.isEmpty { return (stored, []) }
    }
  }

  private func tellPutBack(_ count: Int, _ reason: String?) {
    context.counters.recoverPutBacks += UInt64(count)
    context.logger.warning(
      "messages of the recover lists could not be put into the main queue and went back",
      metadata: [LogKey.count: "\(count)", LogKey.reason: "\(reason ?? "")"])
  }

  /// - Returns: whether they are gone; if not the lists remember it.
  func remove(_ entries: [RecoverEntry]) async -> Bool {
    guard !entries.isEmpty else { return true }
    do {
      try await lists.remove(entries)
      return true
    } catch {
      tellFailure(error)
      return false
    }
  }
}
