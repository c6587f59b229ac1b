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
    let start = range.lowerBound
    // Length and first letter leave one candidate; the two of eleven letters differ in their second one.
    switch (range.count, Self.upperCased(bytes.unsafeLoad(fromByteOffset: start, as: UInt8.self))) {
    case (6, UInt8(ascii: "M")): self.init(.topic, ifNamed: "MsgKey", at: start, in: bytes)
    case (4, UInt8(ascii: "B")): self.init(.body, ifNamed: "Body", at: start, in: bytes)
    case (6, UInt8(ascii: "S")): self.init(.sender, ifNamed: "Sender", at: start, in: bytes)
    case (4, UInt8(ascii: "T")): self.init(.time, ifNamed: "Time", at: start, in: bytes)
    case (11, UInt8(ascii: "O")):
      if bytes.unsafeLoad(fromByteOffset: start + 1, as: UInt8.self) == UInt8(ascii: "w") {
        self.init(.owlContext, ifNamed: "Owl_context", at: start, in: bytes)
      } else {
        self.init(.originJobID, ifNamed: "OriginJobId", at: start, in: bytes)
      }
    case (10, UInt8(ascii: "R")): self.init(.retryTimes, ifNamed: "RetryTimes", at: start, in: bytes)
    case (5, UInt8(ascii: "L")): self.init(.logID, ifNamed: "LogId", at: start, in: bytes)
    case (5, UInt8(ascii: "D")): self.init(.delay, ifNamed: "Delay", at: start, in: bytes)
    case (8, UInt8(ascii: "P")): self.init(.priority, ifNamed: "Priority", at: start, in: bytes)
    case (7, UInt8(ascii: "C")): self.init(.context, ifNamed: "Context", at: start, in: bytes)
    default: return nil
    }
  }

  /// Compares all but the first letter in two overlapping words, the literal's being constants after inlining.
  @inline(__always)
  private init?(_ field: Self, ifNamed key: StaticString, at start: Int, in bytes: RawSpan) {
    let length = key.utf8CodeUnitCount
    let differs: Bool
    if length >= 8 {
      let first = Self.difference(UInt64.self, of: key, at: 0, start, in: bytes)
      let last = Self.difference(UInt64.self, of: key, at: length - 8, start, in: bytes)
      // The first letter is known to match, and the second word may hold it too.
      differs = first & ~0xff != 0 || (length == 8 ? last & ~0xff : last) != 0
    } else {
      let first = Self.difference(UInt32.self, of: key, at: 0, start, in: bytes)
      let last = Self.difference(UInt32.self, of: key, at: length - 4, start, in: bytes)
      differs = first & ~0xff != 0 || (length == 4 ? last & ~0xff : last) != 0
    }
    guard !differs else { return nil }
    self = field
  }

  @inline(__always)
  private static func difference<Word: FixedWidthInteger & BitwiseCopyable>(
    _ type: Word.Type, of key: StaticString, at offset: Int, _ start: Int, in bytes: RawSpan
  ) -> Word {
    let ours = UnsafeRawPointer(key.utf8Start).loadUnaligned(fromByteOffset: offset, as: Word.self)
    let theirs = bytes.unsafeLoadUnaligned(fromByteOffset: start + offset, as: Word.self)
    return Word(littleEndian: ours ^ theirs)
  }

  private static func upperCased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte & 0xdf : byte
  }
}
