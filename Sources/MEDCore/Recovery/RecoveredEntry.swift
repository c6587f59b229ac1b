/// What an entry of a recover list holds (SPEC §10).
///
/// Producers push a msgpack string that holds the message; some wrap it twice, and some push the bare message. All of these
/// are understood.
public enum RecoveredEntry: Sendable {
  /// A message, as the main queue takes it.
  case message(Envelope)
  /// Msgpack of a type that is neither a message nor a string: RECOVFAILASSERT. With the type's name.
  case wrongType(String)
  /// Not msgpack, or a map that is no message: RECOVFAILDECODE.
  case undecodable(MessageError)

  /// So many strings around a message are taken off.
  public static let maximumWrappings = 4

  /// Reads an entry. Total: any bytes are one of the three.
  public init(_ bytes: [UInt8]) {
    var bytes = bytes
    var wrappings = 0
    do throws(MessageError) {
      while true {
        switch try Layer(bytes) {
        case .map:
          self = .message(try Envelope(bytes))
          return
        case .string(let range):
          wrappings += 1
          guard wrappings <= Self.maximumWrappings else { throw MessageError(.notAMap, at: 0) }
          bytes = Array(bytes[range])
        case .other(let name):
          self = .wrongType(name)
          return
        }
      }
    } catch {
      self = .undecodable(error)
    }
  }

  /// The outermost value. Of a map only the head is read: the envelope looks at the rest.
  private enum Layer {
    case map
    case string(Range<Int>)
    case other(String)

    init(_ bytes: [UInt8]) throws(MessageError) {
      let span = bytes.span.bytes
      var cursor = MessagePackCursor()
      let token = try cursor.token(in: span)
      if case .map = token {
        self = .map
        return
      }
      cursor = MessagePackCursor()
      try cursor.skip(in: span, depth: 0)
      guard cursor.position == bytes.count else { throw MessageError(.leftOver, at: cursor.position) }
      self =
        switch token {
        case .string(let range), .binary(let range): .string(range)
        case .null: .other("nil")
        case .bool: .other("bool")
        case .unsigned, .negative: .other("integer")
        case .float, .double: .other("float")
        case .array: .other("array")
        case .ext: .other("extension")
        case .map: .map
        }
    }
  }
}
