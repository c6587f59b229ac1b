import MEDCore

/// A message under way.
struct Entry: Sendable {
  /// Its place among those that were published together.
  let index: Int
  let bytes: [UInt8]
  let priority: UInt32
  let delay: UInt32
  /// Who was asked to take it, in vain.
  var attempts: [ProducerError.Attempt] = []

  init(index: Int, bytes: [UInt8], priority: UInt32, delay: UInt32) {
    self.index = index
    self.bytes = bytes
    self.priority = priority
    self.delay = delay
  }

  /// Who may have it, though nobody knows.
  var inDoubt: [String] { attempts.filter(\.isInDoubt).map(\.place) }
}

/// Messages that leave with one write.
struct Batch: Sendable {
  typealias Results = [(index: Int, result: Result<Publication, ProducerError>)]

  /// More in one write brings nothing (measured with beanstalkd: 32 to 64 is the knee).
  static let maximumCount = 64
  /// A batch of so many bytes takes no further message.
  static let fullAt = 1 << 20

  private(set) var entries: [Entry] = []
  private var bytes = 0

  /// Adds `entry` to the last of `batches`, or to a new one.
  static func add(_ entry: Entry, to batches: inout [Batch]) {
    if batches.last.map({ $0.entries.count == maximumCount || $0.bytes >= fullAt }) ?? true { batches.append(Batch()) }
    batches[batches.count - 1].entries.append(entry)
    batches[batches.count - 1].bytes += entry.bytes.count
  }
}
