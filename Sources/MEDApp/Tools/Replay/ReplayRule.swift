import MEDCore

/// Where a record goes: into its subscription's channel, or into the main queue.
struct ReplayRule {
  /// `--to`.
  enum Destination: String, CaseIterable {
    case channel, main
  }

  let mainQueue: TubeName
  let channelPrefix: String
  /// Nil: where records of that kind belong.
  var destination: Destination?

  /// What is put.
  struct Put: Equatable {
    let tube: TubeName
    let body: [UInt8]
    var priority = MEDCore.Put.priority
    /// Whole seconds.
    var delay: UInt32 = 0
  }

  enum Decision: Equatable {
    case put(Put)
    /// The record holds no message.
    case nothing
    /// It can't be put there, and why not.
    case impossible(String)
  }

  /// Without `--kind` these are meant. A message of KICKFAIL is still in its queue, for amender to kick; it is put only if
  /// it is asked for.
  static let defaultKinds: Set<RecordKind> = [
    .redistributionFailed, .exhausted, .dropped, .undecodable, .recoverPutBackFailed, .recoverDecodeFailed,
    .recoverTypeFailed,
  ]
  /// Of kinds that never hold a message.
  static let withoutMessage: Set<RecordKind> = [.sent, .resent, .deleteFailed]

  /// - Throws: ``UsageError`` if kinds are asked for that never hold a message.
  static func choice(_ choice: RecordChoice) throws -> RecordChoice {
    var choice = choice
    if let kind = choice.kinds.intersection(withoutMessage).map(\.rawValue).min() {
      throw UsageError("--kind \(kind): records of this kind hold no message that could be put back")
    }
    if choice.kinds.isEmpty { choice.kinds = defaultKinds }
    return choice
  }

  func decide(_ record: DataRecord) -> Decision {
    guard let message = RecordedMessage(record) else { return .nothing }
    switch destination ?? Self.home(of: record) {
    case .main: return .put(intoMain(message, record.kind))
    case .channel: return intoChannel(message, record)
    }
  }

  /// DECODERR with a subscription was one copy of many: the main queue would give it to all of them again.
  private static func home(of record: DataRecord) -> Destination {
    switch record.kind {
    case .undecodable, .kickFailed: record.subscription == nil ? .main : .channel
    case .recoverPutBackFailed, .recoverDecodeFailed, .recoverTypeFailed: .main
    default: .channel
    }
  }

  private func intoMain(_ message: RecordedMessage, _ kind: RecordKind) -> Put {
    var put = Put(tube: mainQueue, body: message.bytes)
    guard let envelope = message.envelope else { return put }
    if envelope.hasPriority { put.priority = envelope.priority }
    // What came out of the main queue has had its delay.
    if kind.isOfRecoverList { put.delay = envelope.delay }
    return put
  }

  private func intoChannel(_ message: RecordedMessage, _ record: DataRecord) -> Decision {
    guard let subscription = record.subscription else {
      return .impossible("names no subscription, so it has no channel; --to main puts it into the main queue")
    }
    guard let topic = record.topic ?? message.envelope?.topic else { return .impossible("names no topic") }
    guard let names = ChannelNames(topic: topic, prefix: channelPrefix, subscription: subscription) else {
      return .impossible("its topic \(quoted(topic)) gives no name of a tube")
    }
    return .put(Put(tube: names.channel, body: bodyForChannel(message, record.kind)))
  }

  /// An exhausted message gets all its retries again. Its OriginJobId, and so its jobid, stays.
  private func bodyForChannel(_ message: RecordedMessage, _ kind: RecordKind) -> [UInt8] {
    guard kind == .exhausted, let envelope = message.envelope, envelope.retryTimes > 0 else { return message.bytes }
    return envelope.setting(retryTimes: 0)
  }
}
