/// The keys of a message that the dispatcher knows (SPEC §3).
enum EnvelopeField: CaseIterable {
  case topic, body, sender, time, originJobID, retryTimes, logID, delay, priority, context, owlContext

  var key: StaticString {
    switch self {
    case .topic: "MsgKey"
    case .body: "Body"
    case .sender: "Sender"
    case .time: "Time"
    case .originJobID: "OriginJobId"
    case .retryTimes: "RetryTimes"
    case .logID: "LogId"
    case .delay: "Delay"
    case .priority: "Priority"
    case .context: "Context"
    case .owlContext: "Owl_context"
    }
  }

  /// The field whose key this is, once its first letter is upper-cased.
  @inline(__always)
  init?(key range: Range<Int>, in bytes: RawSpan) {
    guard range.count >= 4, range.count <= 11 else { return nil }
    // Length and first letter leave one candidate; the two of eleven letters differ in their second one.
    let first = Self.upperCased(bytes.unsafeLoad(fromByteOffset: range.lowerBound, as: UInt8.self))
    let second = bytes.unsafeLoad(fromByteOffset: range.lowerBound + 1, as: UInt8.self)
    let candidate: Self
    switch (range.count, first) {
    case (6, UInt8(ascii: "M")): candidate = .topic
    case (4, UInt8(ascii: "B")): candidate = .body
    case (6, UInt8(ascii: "S")): candidate = .sender
    case (4, UInt8(ascii: "T")): candidate = .time
    case (11, UInt8(ascii: "O")): candidate = second == UInt8(ascii: "w") ? .owlContext : .originJobID
    case (10, UInt8(ascii: "R")): candidate = .retryTimes
    case (5, UInt8(ascii: "L")): candidate = .logID
    case (5, UInt8(ascii: "D")): candidate = .delay
    case (8, UInt8(ascii: "P")): candidate = .priority
    case (7, UInt8(ascii: "C")): candidate = .context
    default: return nil
    }
    let key = candidate.key
    guard key.utf8CodeUnitCount == range.count else { return nil }
    for index in 1..<range.count {
      let byte = bytes.unsafeLoad(fromByteOffset: range.lowerBound + index, as: UInt8.self)
      guard byte == key.utf8Start[index] else { return nil }
    }
    self = candidate
  }

  private static func upperCased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte & 0xdf : byte
  }
}
