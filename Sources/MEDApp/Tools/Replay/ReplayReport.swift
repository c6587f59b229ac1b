import MEDCore

/// What a replay did, or would do.
public struct ReplayReport: Sendable {
  /// Messages of one kind and topic that go into one tube.
  struct Group: Hashable, Sendable {
    let kind: RecordKind
    let topic: String
    let tube: String
  }

  struct File: Sendable {
    let path: String
    let positionPath: String
    /// Bytes: where it began, how far it is done, and where the log ended when the replay began.
    let from: UInt64
    var to: UInt64
    let end: UInt64
    /// Where a line begins that isn't complete.
    var torn: UInt64?
    /// Put by earlier runs.
    let putBefore: UInt64
  }

  struct Server: Sendable {
    let address: String
    let put: Int
    let failure: String?
  }

  /// Groups told apart at most.
  static let maximumGroups = 10_000
  static let maximumExamples = 3

  let isDryRun: Bool
  var files: [File] = []
  private(set) var groups: [Group: Int] = [:]
  /// Put into groups beyond those.
  private(set) var furtherPut = 0
  private(set) var put = 0
  /// Records that weren't meant, and those without a message.
  var notChosen = 0
  var withoutPayload = 0
  /// Records that couldn't be put: too big, no name of a tube.
  var leftOut = 0
  var malformed = 0
  var tooLong = 0
  /// The answer to so many puts was lost: they may be in a queue twice.
  var unanswered = 0
  var wasInterrupted = false
  /// What kept it from going on.
  var failure: String?
  var examples: [String] = []
  var servers: [Server] = []
  /// The command that goes on.
  var command = ""

  init(isDryRun: Bool) { self.isDryRun = isDryRun }

  mutating func count(_ group: Group) {
    put += 1
    if groups[group] != nil || groups.count < Self.maximumGroups {
      groups[group, default: 0] += 1
    } else {
      furtherPut += 1
    }
  }

  /// 1 also if all else was done, but something couldn't be read or put.
  public var status: ExitStatus {
    if failure != nil { return .failure }
    if wasInterrupted { return .interrupted }
    return leftOut + malformed + tooLong > 0 ? .failure : .success
  }

  /// Most first, then by name.
  var sortedGroups: [(group: Group, count: Int)] {
    groups.map { ($0.key, $0.value) }.sorted { left, right in
      left.count != right.count
        ? left.count > right.count
        : (left.group.kind.rawValue, left.group.topic, left.group.tube)
          < (right.group.kind.rawValue, right.group.topic, right.group.tube)
    }
  }
}
