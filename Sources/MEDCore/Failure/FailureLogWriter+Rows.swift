import Logging
import MEDLoop

/// From what waits to rows in the store: batch after batch, one at a time.
extension FailureLogWriter {
  struct RowState {
    var timer: LoopTimer?
    var isFlushing = false
    var isFinishing = false
    /// Until the next try after a failed one.
    var pause = Duration.zero
    /// So many entries come one by one, because the store has refused one among them.
    var singly = 0
    var isFailing = false
  }

  /// What comes within it goes into one transaction, and is merged.
  static var gathering: Duration { .milliseconds(200) }
  static var pauses: ClosedRange<Duration> { .milliseconds(500)...(.seconds(10)) }
  static var largestBatch: (count: Int, bytes: Int) { (512, 4 << 20) }

  func flushSoon() {
    guard state.timer == nil, !state.isFlushing else { return }
    if state.isFinishing { return flushNow() }
    schedule(after: state.isFailing ? state.pause : Self.gathering)
  }

  private func schedule(after pause: Duration) {
    state.timer = actor.loop.schedule(after: pause) { [weak self] in
      self?.state.timer = nil
      self?.flushNow()
    }
  }

  private func flushNow() {
    guard !state.isFlushing else { return }
    state.isFlushing = true
    flushing.begin()
    actor.spawn {
      await self.flush()
      self.state.isFlushing = false
      self.flushing.end()
      // What has come in the meantime, or is tried again.
      if !self.waiting.isEmpty && !self.state.isFinishing { self.flushSoon() }
    }
  }

  private func flush() async {
    while !waiting.isEmpty {
      underWay = waiting.take(count: state.singly > 0 ? 1 : Self.largestBatch.count, bytes: Self.largestBatch.bytes)
      let batch = underWay
      do throws(StoreError) {
        let ids = try await log.write(batch.map(\.entry))
        stored(batch, ids)
      } catch {
        guard refused(batch, error) else { return }
      }
    }
    clearJournalIfDone()
  }

  private func stored(_ batch: [WaitingFailures.Item], _ ids: [Int]) {
    underWay = []
    state.singly = max(0, state.singly - batch.count)
    if state.isFailing {
      state.isFailing = false
      state.pause = .zero
      logger.info("failure log is written again")
    }
    for (item, id) in zip(batch, ids) {
      let key = item.entry.key
      // What waits for it still needs the row.
      if item.entry.end == nil || waiting.contains(key) { rows.set(id, for: key) } else { rows.forget(key) }
    }
    markStored(batch)
  }

  private func markStored(_ batch: [WaitingFailures.Item]) {
    guard let journal else { return }
    for item in batch where item.sequence > 0 { _ = journal.append(.stored(through: item.sequence)) }
    signalSoon()
  }

  /// - Returns: whether to go on at once.
  private func refused(_ batch: [WaitingFailures.Item], _ error: StoreError) -> Bool {
    underWay = []
    switch error.disposition {
    case .fatal where batch.count == 1:
      // Nothing that an operator could mend: what follows must not wait for it.
      lose(batch[0].entry, "\(error)")
      state.singly = max(0, state.singly - 1)
      markStored(batch)
      return true
    case .fatal:
      waiting.giveBack(batch)
      state.singly = batch.count
      return true
    case .retry:
      waiting.giveBack(batch)
      if !state.isFailing {
        logger.warning(
          "failure log can't be written, rows wait",
          metadata: [LogKey.error: "\(error)", LogKey.count: "\(waiting.count)"])
      }
      state.isFailing = true
      state.pause = min(max(state.pause * 2, Self.pauses.lowerBound), Self.pauses.upperBound)
      return false
    }
  }

  /// The dispatcher stops: writes what waits, as far as the store takes it; the journal has the rest.
  func finish(within deadline: Duration) async {
    state.isFinishing = true
    state.timer?.cancel()
    state.timer = nil
    if !waiting.isEmpty { flushNow() }
    _ = await flushing.finish(within: deadline)
    await journal?.close(within: .milliseconds(500), on: actor.loop)
    let isJournaled = journal.map { $0.health.problem == nil } ?? false
    var left = 0
    for item in underWay + waiting.takeAll() {
      if isJournaled && item.sequence > 0 {
        left += 1
      } else {
        lose(item.entry, "stopped before the store took it")
      }
    }
    if left > 0 {
      logger.warning("failure rows are left for the next start", metadata: [LogKey.count: "\(left)"])
    }
  }
}
