/// What a journal says when it is read from its beginning: what the store may not have, and which messages may come back
/// to their channel with an open row.
struct JournalState {
  private struct Message {
    /// Not in the store, in order.
    var entries: [(sequence: UInt64, entry: FailureEntry)] = []
    /// The first failure that isn't settled.
    var unsettled: (sequence: UInt64, time: Int64)?
  }

  private var keys: [UInt64: FailureKey] = [:]
  private var messages: [FailureKey: Message] = [:]
  private(set) var lastSequence: UInt64 = 0

  mutating func apply(_ record: JournalRecord) {
    lastSequence = max(lastSequence, record.sequence)
    switch record.content {
    case .entry(let entry, let isFirst):
      let key = entry.key
      keys[record.sequence] = key
      messages[key, default: Message()].entries.append((record.sequence, entry))
      messages[key]?.unsettled = isFirst ? (record.sequence, entry.time) : nil
    case .stored(let through):
      guard let key = keys[through] else { return }
      messages[key]?.entries.removeAll { $0.sequence <= through }
      forgetIfDone(key)
    case .settled(let sequence):
      guard let key = keys[sequence], messages[key]?.unsettled?.sequence == sequence else { return }
      messages[key]?.unsettled = nil
      forgetIfDone(key)
    case .unsettled(let key, let time):
      keys[record.sequence] = key
      messages[key, default: Message()].unsettled = (record.sequence, time)
    }
  }

  private mutating func forgetIfDone(_ key: FailureKey) {
    if let message = messages[key], message.entries.isEmpty, message.unsettled == nil { messages[key] = nil }
  }

  /// What the store may not have: one entry for each message, in the order of their first ones.
  var waiting: [WaitingFailures.Item] {
    messages.values.compactMap { message -> (UInt64, WaitingFailures.Item)? in
      guard let first = message.entries.first, let last = message.entries.last else { return nil }
      var entry = first.entry
      for (_, later) in message.entries.dropFirst() { entry.merge(later) }
      return (first.sequence, WaitingFailures.Item(entry: entry, sequence: last.sequence))
    }.sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// Messages that may be pushed again as if they had never failed.
  func unsettled(since time: Int64) -> [(key: FailureKey, sequence: UInt64, time: Int64)] {
    messages.compactMap { key, message in
      guard let unsettled = message.unsettled, unsettled.time >= time else { return nil }
      return (key, unsettled.sequence, unsettled.time)
    }.sorted { $0.sequence < $1.sequence }
  }

  /// A journal that says the same in as few records as possible.
  func compacted(unsettledSince time: Int64) -> [UInt8] {
    var bytes = JournalFormat.magic
    for item in waiting {
      let record = JournalRecord(sequence: item.sequence, content: .entry(item.entry, isFirst: false))
      JournalFormat.append(record, to: &bytes)
    }
    // After the entries, for an entry alone says that its message is settled.
    for (key, sequence, time) in unsettled(since: time) {
      JournalFormat.append(JournalRecord(sequence: sequence, content: .unsettled(key, time: time)), to: &bytes)
    }
    return bytes
  }
}
