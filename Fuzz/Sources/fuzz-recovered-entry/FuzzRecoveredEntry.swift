import FuzzSupport
import MEDCore

/// Any bytes as an entry of a recover list.
@main
enum FuzzRecoveredEntry {
  static func main() {
    runFuzzer { data, size in
      FuzzRecoveredEntry.check(input(data, size))
      return 0
    }
  }

  static func check(_ bytes: [UInt8]) {
    switch RecoveredEntry(bytes) {
    case .message(let envelope):
      require(envelope.bytes.count <= bytes.count, "a message is within its entry")
      require(bytes.suffix(envelope.bytes.count) == envelope.bytes[...], "a message ends where its entry does")
      guard case .message(let bare) = RecoveredEntry(envelope.bytes) else {
        return require(false, "a message is an entry too")
      }
      require(bare.bytes == envelope.bytes, "and the same one")
    case .wrongType(let name):
      require(!name.isEmpty, "a type has a name")
      require((try? Envelope(bytes)) == nil, "what is of another type is no message")
    case .undecodable:
      require((try? Envelope(bytes)) == nil, "what can't be decoded is no message")
    }
    wrap(bytes)
  }

  /// One string more around an entry changes nothing, but for the bound on them.
  private static func wrap(_ bytes: [UInt8]) {
    let length = UInt32(bytes.count)
    let head: [UInt8] = [0xc6] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    switch (RecoveredEntry(bytes), RecoveredEntry(head + bytes)) {
    case (.message(let one), .message(let other)): require(one.bytes == other.bytes, "it is the same message")
    case (.wrongType(let one), .wrongType(let other)): require(one == other, "it is the same type")
    case (_, .undecodable): return
    default: require(false, "one string more changes nothing")
    }
  }
}
