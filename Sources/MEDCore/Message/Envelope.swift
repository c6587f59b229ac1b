/// A message as the dispatcher sees it: an index over the bytes that were received (SPEC §3).
///
/// Shape: a msgpack map; keys are matched with their first letter upper-cased, unknown ones are left alone, the last of
/// equal keys counts. The body is checked for form and depth, and decoded by ``PushBody`` alone.
public struct Envelope: Sendable {
  /// The message exactly as it was received, shorter than 4 GiB.
  public let bytes: [UInt8]
  let index: EnvelopeIndex

  /// MsgKey: never empty.
  public let topic: String
  /// Unix seconds when the publisher handed it over; finite, 0 if absent.
  public let time: Double
  /// The job id in the main queue, 0 before redistribution.
  public let originJobID: UInt64
  /// Pushes repeated so far.
  public let retryTimes: UInt64
  /// Row in the failure log, 0 = none.
  public let logID: UInt64
  /// Whole seconds, used when the message is put into the main queue.
  public let delay: UInt32
  /// Used when the message is put into the main queue; 0, the most urgent, if absent (see ``hasPriority``).
  public let priority: UInt32

  /// - Throws: if the bytes are no message, as SPEC §3 lists; never for what is in the body, apart from its form and
  ///   its depth of nesting.
  public init(_ bytes: [UInt8]) throws(MessageError) {
    let span = bytes.span.bytes
    let index = try EnvelopeIndex(span)
    self.topic = try Self.topic(at: index.topic, in: bytes)
    self.time = try EnvelopeNumber.real(at: index.time, in: span, of: .time)
    self.originJobID = try EnvelopeNumber.unsigned(at: index.originJobID, in: span, of: .originJobID)
    self.retryTimes = try EnvelopeNumber.unsigned(at: index.retryTimes, in: span, of: .retryTimes)
    self.logID = try EnvelopeNumber.unsigned(at: index.logID, in: span, of: .logID)
    self.delay = try EnvelopeNumber.unsigned(at: index.delay, in: span, of: .delay)
    self.priority = try EnvelopeNumber.unsigned(at: index.priority, in: span, of: .priority)
    self.index = index
    self.bytes = bytes
  }

  /// Where the encoded body lies in ``bytes``; empty if there is none, which counts as nil.
  public var body: Range<Int> { index.body.range }

  /// Whether the producer named a priority at all.
  public var hasPriority: Bool { !index.priority.isAbsent }

  /// Who published; empty if absent or not a string. Malformed UTF-8 becomes U+FFFD, here and in the two contexts.
  public var sender: String { text(at: index.sender) }

  /// The caller's context, handed on as a header; empty if absent or not a string.
  public var context: String { text(at: index.context) }

  /// The second of the two contexts.
  public var owlContext: String { text(at: index.owlContext) }

  private func text(at slot: EnvelopeIndex.Slot) -> String {
    guard let range = Self.string(at: slot, in: bytes.span.bytes), !range.isEmpty else { return "" }
    return Self.text(range, in: bytes)
  }

  private static func text(_ range: Range<Int>, in bytes: [UInt8]) -> String {
    bytes.withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self) }
  }

  private static func topic(at slot: EnvelopeIndex.Slot, in bytes: [UInt8]) throws(MessageError) -> String {
    let span = bytes.span.bytes
    let start = slot.range.lowerBound
    guard !slot.isAbsent, span.unsafeLoad(fromByteOffset: start, as: UInt8.self) != 0xc0 else {
      throw MessageError(.noTopic, at: start)
    }
    guard let range = string(at: slot, in: span) else { throw MessageError(.badTopic, at: start) }
    guard !range.isEmpty else { throw MessageError(.noTopic, at: start) }
    guard UTF8Scan.isValid(range, in: span) else { throw MessageError(.badTopic, at: start) }
    return text(range, in: bytes)
  }

  /// The text of a string or bin value; nil for all else.
  @inline(__always)
  private static func string(at slot: EnvelopeIndex.Slot, in bytes: RawSpan) -> Range<Int>? {
    guard !slot.isAbsent else { return nil }
    var cursor = MessagePackCursor(at: slot.range.lowerBound)
    switch try? cursor.token(in: bytes) {
    case .string(let range), .binary(let range): return range
    default: return nil
    }
  }
}
