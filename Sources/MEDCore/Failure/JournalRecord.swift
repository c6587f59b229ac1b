/// One record of the failure journal.
struct JournalRecord: Sendable, Equatable {
  enum Content: Sendable, Equatable {
    /// For the row of a message.
    /// - Parameter isFirst: the message isn't in its retry channel yet: after a crash it will be pushed as if nothing had
    ///   happened, and only the journal knows that its row must be closed then.
    case entry(FailureEntry, isFirst: Bool)
    /// The store has what record `through` and earlier ones say of the same message.
    case stored(through: UInt64)
    /// The message of the first failure with this number is in its retry channel.
    case settled(UInt64)
    /// What is left of a first failure when its row is written and its message isn't settled.
    case unsettled(FailureKey, time: Int64)
  }

  /// Ascending from 1 in an empty file.
  var sequence: UInt64
  var content: Content
}

/// Shape of the file: `MEDFAIL1`, then for each record UInt32 length of what follows the checksum, UInt64 FNV-1a of that,
/// UInt64 sequence, UInt8 kind, and the fields in the order in which they are written below. Little-endian; a text is a
/// UInt32 length and UTF-8.
enum JournalFormat {
  static let magic = Array("MEDFAIL1".utf8)
  private static let head = 12

  private enum Kind {
    static let entry: UInt8 = 1
    static let firstEntry: UInt8 = 2
    static let stored: UInt8 = 3
    static let settled: UInt8 = 4
    static let unsettled: UInt8 = 5
  }

  static func append(_ record: JournalRecord, to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: head))
    append(record.sequence, to: &bytes)
    switch record.content {
    case .entry(let entry, let isFirst):
      bytes.append(isFirst ? Kind.firstEntry : Kind.entry)
      append(entry, to: &bytes)
    case .stored(let through):
      bytes.append(Kind.stored)
      append(through, to: &bytes)
    case .settled(let sequence):
      bytes.append(Kind.settled)
      append(sequence, to: &bytes)
    case .unsettled(let key, let time):
      bytes.append(Kind.unsettled)
      append(Int64(key.subscription), to: &bytes)
      append(key.jobID, to: &bytes)
      append(time, to: &bytes)
    }
    let body = bytes[(start + head)...]
    let checksum = SnapshotFormat.checksum(body)
    withUnsafeBytes(of: UInt32(clamping: body.count).littleEndian) { bytes.replaceBytes(at: start, with: $0) }
    withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceBytes(at: start + 4, with: $0) }
  }

  private static func append(_ entry: FailureEntry, to bytes: inout [UInt8]) {
    append(Int64(entry.subscription), to: &bytes)
    append(entry.jobID, to: &bytes)
    append(Int64(entry.topicID), to: &bytes)
    append(Int64(entry.subscriberID), to: &bytes)
    append(entry.logID, to: &bytes)
    append(entry.messageTime.bitPattern, to: &bytes)
    append(UInt32(clamping: entry.message.count), to: &bytes)
    bytes.append(contentsOf: entry.message)
    append(entry.time, to: &bytes)
    append(entry.firstFailure, to: &bytes)
    append(entry.lastFailure, to: &bytes)
    append(entry.lastTarget, to: &bytes)
    append(entry.retryTimes, to: &bytes)
    append(entry.lastRetryTime, to: &bytes)
    bytes.append(entry.end?.rawValue ?? .max)
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt32(clamping: text.utf8.count), to: &bytes)
    bytes.append(contentsOf: text.utf8)
  }

  private static func append(_ text: String?, to bytes: inout [UInt8]) {
    bytes.append(text == nil ? 0 : 1)
    if let text { append(text, to: &bytes) }
  }

  // MARK: Reading

  /// Hands over record after record, up to the first one that is cut off or damaged.
  /// - Returns: how many bytes are good, 0 if this is no journal.
  static func read(_ bytes: [UInt8], _ body: (JournalRecord) -> Void) -> Int {
    guard bytes.starts(with: magic) else { return 0 }
    var good = magic.count
    while let (record, end) = record(in: bytes, at: good) {
      body(record)
      good = end
    }
    return good
  }

  private static func record(in bytes: [UInt8], at start: Int) -> (JournalRecord, end: Int)? {
    var reader = ByteReader(bytes[start...])
    guard let length = reader.integer(UInt32.self), let checksum = reader.integer(UInt64.self),
      let body = reader.bytes(Int(length)), SnapshotFormat.checksum(body) == checksum
    else { return nil }
    var fields = ByteReader(body)
    guard let sequence = fields.integer(UInt64.self), let kind = fields.integer(UInt8.self),
      let content = content(kind, &fields), fields.isAtEnd
    else { return nil }
    return (JournalRecord(sequence: sequence, content: content), body.endIndex)
  }

  private static func content(_ kind: UInt8, _ fields: inout ByteReader) -> JournalRecord.Content? {
    switch kind {
    case Kind.entry, Kind.firstEntry: entry(&fields).map { .entry($0, isFirst: kind == Kind.firstEntry) }
    case Kind.stored: fields.integer(UInt64.self).map { .stored(through: $0) }
    case Kind.settled: fields.integer(UInt64.self).map { .settled($0) }
    case Kind.unsettled: unsettled(&fields)
    default: nil
    }
  }

  private static func unsettled(_ fields: inout ByteReader) -> JournalRecord.Content? {
    guard let subscription = fields.integer(Int64.self), let jobID = fields.text(),
      let time = fields.integer(Int64.self)
    else { return nil }
    return .unsettled(FailureKey(subscription: Int(subscription), jobID: jobID), time: time)
  }

  private static func entry(_ fields: inout ByteReader) -> FailureEntry? {
    guard let subscription = fields.integer(Int64.self), let jobID = fields.text(),
      let topicID = fields.integer(Int64.self), let subscriberID = fields.integer(Int64.self),
      let logID = fields.integer(UInt64.self), let messageTime = fields.integer(UInt64.self),
      let length = fields.integer(UInt32.self), let message = fields.bytes(Int(length)),
      let time = fields.integer(Int64.self), let firstFailure = fields.optionalText(),
      let lastFailure = fields.optionalText(), let lastTarget = fields.text(),
      let retryTimes = fields.integer(UInt64.self), let lastRetryTime = fields.integer(Int64.self),
      let end = fields.integer(UInt8.self), end == .max || FailureEntry.End(rawValue: end) != nil
    else { return nil }
    return FailureEntry(
      subscription: Int(subscription), jobID: jobID, topicID: Int(topicID), subscriberID: Int(subscriberID),
      logID: logID, messageTime: Double(bitPattern: messageTime), message: Array(message), time: time,
      firstFailure: firstFailure.text, lastFailure: lastFailure.text, lastTarget: lastTarget, retryTimes: retryTimes,
      lastRetryTime: lastRetryTime, end: FailureEntry.End(rawValue: end))
  }
}

extension ByteReader {
  fileprivate struct OptionalText {
    let text: String?
  }

  fileprivate mutating func optionalText() -> OptionalText? {
    switch integer(UInt8.self) {
    case 0: OptionalText(text: nil)
    case 1: text().map { OptionalText(text: $0) }
    default: nil
    }
  }
}

extension [UInt8] {
  fileprivate mutating func replaceBytes(at start: Int, with new: UnsafeRawBufferPointer) {
    replaceSubrange(start..<(start + new.count), with: new)
  }
}
