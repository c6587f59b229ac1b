import Logging
import MEDLoop

/// Keeps the failure log: takes what lanes tell of failing messages, has it journaled, and writes it behind into the
/// store, in order. Confined to its loop.
///
/// The store is never waited for. The journal is, by messages that have failed, before their job is copied or deleted:
/// so whatever kills the process, the row can be closed at the next start.
///
/// How rows are written: FailureLogWriter+Rows.swift.
final class FailureLogWriter {
  /// A first failure whose message isn't in its retry channel yet.
  struct Ticket: Sendable {
    let key: FailureKey
    fileprivate let sequence: UInt64
  }

  /// A longer message isn't kept; its row's body is `null`.
  static let longestMessage = 4 << 20
  /// Messages from before the start that may come back to their channel with an open row.
  static let maximumUnsettled = 100_000

  let log: any FailureLog
  let journal: FailureJournal?
  let actor: LoopActor
  let logger: Logger
  let text: FailureText

  var waiting = WaitingFailures()
  /// In the store's hands, with what is waiting for each.
  var underWay: [WaitingFailures.Item] = []
  var rows = KnownRows()
  var state = RowState()
  let flushing: WorkCount

  /// Of this process: on its way into its retry channel.
  private var open: Set<FailureKey> = []
  /// Not in its retry channel as far as anybody knows: it may be pushed as if it were new.
  private var unsettled: Set<FailureKey> = []
  private var isSignalling = false
  private var lateTimer: LoopTimer?
  private var hasWarnedOfJournal = false

  /// What couldn't be written, and was logged instead.
  var lost: UInt64 = 0

  init(_ log: any FailureLog, journal: FailureJournal?, address: String, actor: LoopActor, logger: Logger) {
    self.log = log
    self.journal = journal
    self.actor = actor
    self.logger = logger
    text = FailureText(address: address)
    flushing = WorkCount(loop: actor.loop)
  }

  /// Takes up what an earlier process has left.
  func start() async {
    guard let journal else { return }
    let (found, problem) = await journal.open()
    if let problem {
      logger.warning("failure journal is damaged or can't be read", metadata: [LogKey.error: "\(problem)"])
    }
    let left = found.waiting
    for item in left {
      if waiting.hasRoom(for: item.entry) {
        waiting.append(item.entry, sequence: item.sequence)
      } else {
        lose(item.entry, "too many rows wait")
      }
    }
    let oldest = Self.now() - JournalFile.longestUnsettled
    for (key, _, _) in found.unsettled(since: oldest).suffix(Self.maximumUnsettled) { unsettled.insert(key) }
    if !left.isEmpty {
      logger.info("failure rows of an earlier run are written", metadata: [LogKey.count: "\(left.count)"])
      flushSoon()
    } else {
      clearJournalIfDone()
    }
  }

  // MARK: What lanes tell

  /// Whether a message that looks new has an open row. Costs nothing while there is none such.
  func isUnsettled(_ subscription: Int, _ jobID: String) -> Bool {
    !unsettled.isEmpty && unsettled.contains(FailureKey(subscription: subscription, jobID: jobID))
  }

  /// The row of a message, once it is known.
  func row(_ subscription: Int, _ jobID: String) -> UInt64? {
    rows[FailureKey(subscription: subscription, jobID: jobID)].flatMap { UInt64(exactly: $0) }
  }

  /// A push has failed. Returns when the journal knows.
  /// - Parameter isFirst: the message isn't in its retry channel.
  func failed(_ entry: FailureEntry, isFirst: Bool) async -> Ticket {
    let key = entry.key
    unsettled.remove(key)
    if isFirst { open.insert(key) } else { open.remove(key) }
    let sequence = note(entry, isFirst: isFirst)
    if let sequence { await journaled(sequence) }
    return Ticket(key: key, sequence: sequence ?? 0)
  }

  /// The message is in its retry channel: whatever happens to it from here, it shows that it has failed.
  func settled(_ ticket: Ticket) {
    guard open.remove(ticket.key) ?? unsettled.remove(ticket.key) != nil, let journal else { return }
    if ticket.sequence > 0 {
      _ = journal.append(.settled(ticket.sequence))
      signalSoon()
    }
    clearJournalIfDone()
  }

  /// The message could not be put into its retry channel for now, and may come back as if it were new.
  func mustWait(_ ticket: Ticket) {
    guard open.remove(ticket.key) != nil else { return }
    if unsettled.count < Self.maximumUnsettled { unsettled.insert(ticket.key) }
  }

  /// A message that has failed before has come to its end. Returns when the journal knows: the job may be deleted.
  func ended(_ entry: FailureEntry) async {
    unsettled.remove(entry.key)
    open.remove(entry.key)
    if let sequence = note(entry, isFirst: false) { await journaled(sequence) }
  }

  /// - Returns: the number in the journal, 0 if that has no room; nil if the entry is lost.
  private func note(_ entry: FailureEntry, isFirst: Bool) -> UInt64? {
    var entry = entry
    let key = entry.key
    if let row = rows[key], entry.logID == 0 { entry.logID = UInt64(clamping: row) }
    // The row is there, or what makes it is on its way: the message needn't come a second time.
    let isKnown = rows[key] != nil || waiting.contains(key)
    if isKnown || entry.message.count > Self.longestMessage { entry.message = [] }
    guard waiting.hasRoom(for: entry) else {
      lose(entry, "too many rows wait")
      return nil
    }
    let sequence = journal?.append(.entry(entry, isFirst: isFirst)) ?? 0
    if journal != nil { signalSoon() }
    waiting.append(entry, sequence: sequence)
    flushSoon()
    return sequence
  }

  // MARK: The journal

  private func journaled(_ sequence: UInt64) async {
    guard let journal else { return }
    armLateTimer(journal)
    let isWritten = await journal.written(sequence)
    if isWritten == hasWarnedOfJournal { report(journal, isWritten) }
  }

  private func report(_ journal: FailureJournal, _ isWritten: Bool) {
    hasWarnedOfJournal = !isWritten
    if isWritten {
      logger.info("failure journal is written again")
    } else {
      logger.error(
        "failure journal can't be written: rows may stay open after a crash",
        metadata: [LogKey.error: "\(journal.health.problem ?? "the disk doesn't answer, or too much waits for it")"])
    }
  }

  /// One timer for all who wait.
  private func armLateTimer(_ journal: FailureJournal) {
    guard lateTimer == nil else { return }
    lateTimer = actor.loop.schedule(after: FailureJournal.patience) { [weak self] in
      guard let self else { return }
      self.lateTimer = nil
      if journal.releaseLate() { self.armLateTimer(journal) }
    }
  }

  /// The thread is woken once a turn.
  func signalSoon() {
    guard !isSignalling else { return }
    isSignalling = true
    actor.loop.atEndOfTurn(self)
  }

  /// When all is in the store, nothing need be known after a crash.
  func clearJournalIfDone() {
    guard let journal, waiting.isEmpty, underWay.isEmpty, open.isEmpty, unsettled.isEmpty else { return }
    journal.clear()
    signalSoon()
  }

  // MARK: What can't be written

  /// The log is the only place for it now.
  func lose(_ entry: FailureEntry, _ reason: String) {
    lost += 1
    var metadata: Logger.Metadata = [
      LogKey.subscription: "\(entry.subscription)", LogKey.jobID: "\(entry.jobID)", LogKey.reason: "\(reason)",
      LogKey.retryTimes: "\(entry.retryTimes)",
    ]
    if let first = entry.firstFailure { metadata["first_failure"] = "\(first)" }
    if let last = entry.lastFailure, last != entry.firstFailure { metadata["last_failure"] = "\(last)" }
    if let end = entry.end { metadata["end"] = "\(end)" }
    logger.error("a failure row is not written", metadata: metadata)
  }

  static func now() -> Int64 { RecordTime.now().microseconds / 1_000_000 }
}

extension FailureLogWriter: TurnEndHandler {
  func turnEnded() {
    isSignalling = false
    journal?.signal()
  }
}
