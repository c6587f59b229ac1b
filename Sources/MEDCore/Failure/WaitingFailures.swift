import DequeModule

/// Entries that wait for the store, one for each message, in the order in which the messages came.
///
/// Bounded by number and by bytes. When it is full new messages are refused; what tells of the end of one has half as
/// much room again, because a row that stays open misleads more than one that is missing.
struct WaitingFailures {
  struct Item: Sendable {
    var entry: FailureEntry
    /// The latest journal record that is in the entry.
    var sequence: UInt64
  }

  static let maximumCount = 50_000
  static let maximumBytes = 32 << 20

  private var order: Deque<FailureKey> = []
  private var items: [FailureKey: Item] = [:]
  private(set) var bytes = 0

  var count: Int { items.count }
  var isEmpty: Bool { items.isEmpty }

  func contains(_ key: FailureKey) -> Bool { items[key] != nil }

  func hasRoom(for entry: FailureEntry) -> Bool {
    let more = entry.end == nil ? 0 : 1
    return items.count < Self.maximumCount + more * Self.maximumCount / 2
      && bytes + entry.size <= Self.maximumBytes + more * Self.maximumBytes / 2
  }

  mutating func append(_ entry: FailureEntry, sequence: UInt64) {
    let key = entry.key
    if var item = items.removeValue(forKey: key) {
      bytes -= item.entry.size
      item.entry.merge(entry)
      item.sequence = max(item.sequence, sequence)
      insert(item, key)
    } else {
      order.append(key)
      insert(Item(entry: entry, sequence: sequence), key)
    }
  }

  /// The oldest, at least one if there is any; not more than `count`, and about `bytes` in all.
  mutating func take(count: Int, bytes limit: Int) -> [Item] {
    var taken: [Item] = []
    var size = 0
    while taken.count < count, size < limit, let key = order.popFirst() {
      guard let item = items.removeValue(forKey: key) else { continue }
      bytes -= item.entry.size
      size += item.entry.size
      taken.append(item)
    }
    return taken
  }

  /// What could not be written is first again, together with what has come since.
  mutating func giveBack(_ taken: [Item]) {
    for item in taken.reversed() {
      let key = item.entry.key
      guard let later = items.removeValue(forKey: key) else {
        order.prepend(key)
        insert(item, key)
        continue
      }
      bytes -= later.entry.size
      var merged = item
      merged.entry.merge(later.entry)
      merged.sequence = max(item.sequence, later.sequence)
      insert(merged, key)
    }
  }

  mutating func takeAll() -> [Item] { take(count: .max, bytes: .max) }

  private mutating func insert(_ item: Item, _ key: FailureKey) {
    bytes += item.entry.size
    items[key] = item
  }
}

/// Row ids of messages that are still tried, as far as this process has learned of them: at most twice ``generation``.
struct KnownRows {
  static let generation = 32_768

  private var recent: [FailureKey: Int] = [:]
  private var older: [FailureKey: Int] = [:]

  subscript(key: FailureKey) -> Int? { recent[key] ?? older[key] }

  mutating func set(_ row: Int, for key: FailureKey) {
    recent[key] = row
    guard recent.count >= Self.generation else { return }
    older = recent
    recent = [:]
  }

  mutating func forget(_ key: FailureKey) {
    recent[key] = nil
    older[key] = nil
  }

  var count: Int { recent.count + older.count }
}
