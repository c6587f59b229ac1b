import MEDCore

/// Which records of a DATA log are meant: `--kind`, `--topic`, `--subscription`, `--since`, `--until`.
public struct RecordChoice: Sendable, Equatable {
  /// Empty: all.
  public var kinds: Set<RecordKind> = []
  public var topics: Set<String> = []
  public var subscriptions: Set<Int> = []
  /// The first moment that counts.
  public var since: RecordTime?
  /// The first moment that doesn't.
  public var until: RecordTime?

  /// All records.
  public init() {}

  /// - Parameters:
  ///   - kinds: names of kinds in any case; `RECOVFAIL` is the three that begin so.
  ///   - since: RFC 3339.
  ///   - until: RFC 3339.
  /// - Throws: ``UsageError``.
  public init(kinds: [String], topics: [String], subscriptions: [Int], since: String?, until: String?) throws {
    for name in kinds { self.kinds.formUnion(try Self.kinds(named: name)) }
    self.topics = Set(topics)
    self.subscriptions = Set(subscriptions)
    self.since = try since.map { try Self.time($0, "--since") }
    self.until = try until.map { try Self.time($0, "--until") }
    if let since = self.since, let until = self.until, since >= until {
      throw UsageError("--since must be before --until")
    }
  }

  /// What `--kind` takes.
  public static let kindNames = RecordKind.allCases.map(\.rawValue) + [recoverKinds]

  private static let recoverKinds = "RECOVFAIL"

  private static func kinds(named name: String) throws -> [RecordKind] {
    let name = name.uppercased()
    if name == recoverKinds { return RecordKind.allCases.filter { $0.rawValue.hasPrefix(recoverKinds) } }
    if let kind = RecordKind(rawValue: name) { return [kind] }
    let nearest = NearestName.of(name, among: kindNames)
    throw UsageError(
      "--kind \(quoted(name)): "
        + (nearest.map { "did you mean \($0)?" } ?? "one of \(kindNames.joined(separator: ", ")) expected"))
  }

  private static func time(_ text: String, _ option: String) throws -> RecordTime {
    guard let time = RecordTime(text) else {
      throw UsageError(
        "\(option) \(quoted(text)): a time like 2026-11-23T04:27:00Z or 2026-11-23T12:27:00+08:00 expected")
    }
    return time
  }

  func includes(_ line: DataLogLine) -> Bool {
    let record = line.record
    if !kinds.isEmpty && !kinds.contains(record.kind) { return false }
    if let since, line.time < since { return false }
    if let until, line.time >= until { return false }
    if !subscriptions.isEmpty {
      guard let subscription = record.subscription, subscriptions.contains(subscription) else { return false }
    }
    if !topics.isEmpty {
      guard let topic = record.topic ?? RecordedMessage(record)?.envelope?.topic, topics.contains(topic) else {
        return false
      }
    }
    return true
  }

  /// The same text for the same choice, on one line.
  var text: String {
    var words = kinds.map { "--kind \($0.rawValue)" }.sorted()
    words += topics.map { "--topic \(quoted($0))" }.sorted()
    words += subscriptions.sorted().map { "--subscription \($0)" }
    if let since { words.append("--since \(since)") }
    if let until { words.append("--until \(until)") }
    return words.isEmpty ? "all" : words.joined(separator: " ")
  }
}

/// The message that a record holds.
struct RecordedMessage {
  /// As a queue takes it: unwrapped if it is a recover list's entry.
  let bytes: [UInt8]
  /// Nil if the bytes are no message; `fault` says why.
  let envelope: Envelope?
  let fault: MessageError?

  /// - Returns: nil if the record has no payload.
  init?(_ record: DataRecord) {
    guard var bytes = record.payload else { return nil }
    if record.kind.isOfRecoverList, case .message(let message) = RecoveredEntry(bytes) { bytes = message.bytes }
    self.bytes = bytes
    do throws(MessageError) {
      envelope = try Envelope(bytes)
      fault = nil
    } catch {
      envelope = nil
      fault = error
    }
  }
}

extension RecordKind {
  var isOfRecoverList: Bool {
    switch self {
    case .recoverPutBackFailed, .recoverDecodeFailed, .recoverTypeFailed: true
    default: false
    }
  }
}
