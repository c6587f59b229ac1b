import MEDBeanstalk
import MEDCore

/// The way of a batch: one queue server after the other, then the recover list, then those that were left alone.
extension Producer {
  /// What is left of a batch, and what has ended.
  private struct Progress {
    var pending: [Entry]
    var results: Batch.Results = []
    var triedServers: Set<Int> = []
    var triedLists: Set<Int> = []

    mutating func end(_ entry: Entry, _ place: Publication.Place) {
      results.append((entry.index, .success(Publication(place, inDoubt: entry.inDoubt))))
    }

    mutating func fail(_ entry: Entry, _ error: ProducerError) { results.append((entry.index, .failure(error))) }

    mutating func keep(_ entry: Entry, _ attempt: ProducerError.Attempt) {
      var entry = entry
      entry.attempts.append(attempt)
      pending.append(entry)
    }
  }

  func deliver(_ batch: Batch) async -> Batch.Results {
    var progress = Progress(pending: batch.entries)
    for evenDown in [false, true] where !progress.pending.isEmpty {
      await queue(&progress, evenDown: evenDown)
      await list(&progress, evenDown: evenDown)
    }
    for entry in progress.pending { progress.fail(entry, .unplaced(entry.attempts)) }
    return progress.results
  }

  // MARK: Queue servers

  private func queue(_ progress: inout Progress, evenDown: Bool) async {
    while !progress.pending.isEmpty {
      let tried = progress.triedServers
      let choice = state.withLock { $0.servers.next(besides: tried, evenDown: evenDown, now: .now) }
      guard let choice else { return }
      progress.triedServers.insert(choice)
      let began = ContinuousClock.now
      let verdict = await put(&progress, on: putters[choice])
      state.withLock { $0.servers.ended(choice, verdict, since: began, now: .now) }
    }
  }

  private func put(_ progress: inout Progress, on putter: TubePutter) async -> ServerChoice.Verdict {
    let entries = progress.pending
    progress.pending = []
    let outcomes = await putter.put(
      entries.map { Put(tube: tube, body: $0.bytes, delay: $0.delay, priority: $0.priority) })
    let place = "\(putter.address)"
    var unreachable: String?
    if outcomes.contains(.unavailable) { unreachable = await putter.condition.latestError.message }
    var verdict = ServerChoice.Verdict.good
    for (entry, outcome) in zip(entries, outcomes) {
      switch outcome {
      case .stored: progress.end(entry, .queued(putter.address))
      case .tooBig: progress.fail(entry, Self.tooBig(entry, for: place))
      case .refused(let answer):
        if verdict == .good { verdict = .refused }
        progress.keep(entry, .init(place: place, reason: "answered \(answer)", isInDoubt: false))
      case .unavailable:
        if verdict == .good { verdict = .refused }
        progress.keep(entry, .init(place: place, reason: unreachable ?? "not connected", isInDoubt: false))
      case .unanswered:
        verdict = .silent
        progress.keep(entry, .init(place: place, reason: "was sent it and didn't answer", isInDoubt: true))
      }
    }
    return verdict
  }

  private static func tooBig(_ entry: Entry, for place: String) -> ProducerError {
    ProducerError(
      .tooBig, "the message has \(entry.bytes.count) bytes, more than \(place) takes", attempts: entry.attempts)
  }

  // MARK: Recover lists

  private func list(_ progress: inout Progress, evenDown: Bool) async {
    guard !lists.isEmpty, !progress.pending.isEmpty else { return }
    await refuseTooBig(&progress)
    while !progress.pending.isEmpty {
      let tried = progress.triedLists
      let choice = state.withLock { $0.lists.next(besides: tried, evenDown: evenDown, now: .now) }
      guard let choice else { return }
      progress.triedLists.insert(choice)
      let began = ContinuousClock.now
      let verdict = await push(&progress, on: lists[choice])
      state.withLock { $0.lists.ended(choice, verdict, since: began, now: .now) }
    }
  }

  /// What a queue server is known not to take would never leave the list but for a dispatcher's DATA log.
  private func refuseTooBig(_ progress: inout Progress) async {
    var smallest: (limit: Int, place: String)?
    for putter in putters {
      guard let limit = await putter.condition.maxJobSize, limit < smallest?.limit ?? .max else { continue }
      smallest = (limit, "\(putter.address)")
    }
    guard let smallest else { return }
    let entries = progress.pending
    progress.pending = []
    for entry in entries {
      if entry.bytes.count > smallest.limit {
        progress.fail(entry, Self.tooBig(entry, for: smallest.place))
      } else {
        progress.pending.append(entry)
      }
    }
  }

  private func push(_ progress: inout Progress, on list: any RecoverList) async -> ServerChoice.Verdict {
    let entries = progress.pending
    progress.pending = []
    switch await list.push(entries.map { Message.listEntry(of: $0.bytes) }) {
    case .pushed:
      let name = configuration.recoverList?.list ?? ""
      for entry in entries { progress.end(entry, .listed(name)) }
      return .good
    case .refused(let reason):
      for entry in entries { progress.keep(entry, .init(place: list.place, reason: reason, isInDoubt: false)) }
      return .refused
    case .unanswered(let reason):
      for entry in entries { progress.keep(entry, .init(place: list.place, reason: reason, isInDoubt: true)) }
      return .silent
    }
  }
}
