/// Msgpack around messages.
public enum MessagePack {
  /// What a msgpack string holds: entries of the recover lists are messages wrapped in one (SPEC §10).
  /// - Parameter bytes: one `str`, `raw` or `bin` value and nothing else.
  /// - Throws: `.notAString` if it is msgpack of another type; any other code if it isn't msgpack.
  public static func string(_ bytes: [UInt8]) throws(MessageError) -> [UInt8] {
    let span = bytes.span.bytes
    var cursor = MessagePackCursor()
    try cursor.skip(in: span, depth: 0)
    guard cursor.position == bytes.count else { throw MessageError(.leftOver, at: cursor.position) }
    cursor = MessagePackCursor()
    switch try cursor.token(in: span) {
    case .string(let range), .binary(let range): return Array(bytes[range])
    default: throw MessageError(.notAString, at: 0)
    }
  }
}
