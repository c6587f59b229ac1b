/// Why bytes are not a message, or why a message can't be told as JSON. Such a message is recorded (DECODERR) and
/// deleted, never retried.
public struct MessageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of malformed messages.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    /// The input ends before what it announced.
    case truncated
    /// A byte that begins nothing in msgpack (0xc1).
    case malformed
    /// Arrays and maps nested deeper than 128 levels.
    case tooDeep
    /// Bytes after the end of the value.
    case leftOver
    /// 4 GiB or more.
    case tooLong
    /// Something else than a map.
    case notAMap
    /// MsgKey is missing, nil or empty.
    case noTopic
    /// MsgKey is not a string, or not UTF-8.
    case badTopic
    /// A numeric field holds something that is no such number.
    case badNumber
    /// NaN or infinity, which JSON can't hold.
    case notFinite
    /// An extension type, which JSON can't hold.
    case extensionType
    /// A map key that can't become a string: an array, a map or an extension.
    case badKey
    /// Not a msgpack string.
    case notAString
  }

  /// The kind.
  public let code: Code
  /// Where in the input, in bytes from its beginning.
  public let offset: Int
  /// The envelope's field, where it is about one: `OriginJobId`, `MsgKey` …
  public let field: String?

  init(_ code: Code, at offset: Int, field: String? = nil) {
    self.code = code
    self.offset = offset
    self.field = field
  }

  /// For the DATA log.
  public var description: String {
    let place = field.map { "\($0), byte \(offset)" } ?? "byte \(offset)"
    return "\(text) (\(place))"
  }

  private var text: String {
    switch code {
    case .truncated: "message is cut off"
    case .malformed: "message is not msgpack"
    case .tooDeep: "message is nested deeper than \(MessagePackCursor.maximumDepth)"
    case .leftOver: "bytes are left over after the message"
    case .tooLong: "message is too long"
    case .notAMap: "message is no map"
    case .noTopic: "message has no topic"
    case .badTopic: "topic is no UTF-8 string"
    case .badNumber: "number expected, out of range or none"
    case .notFinite: "NaN and infinity can't be JSON"
    case .extensionType: "an extension type can't be JSON"
    case .badKey: "map key can't be a JSON string"
    case .notAString: "no msgpack string"
    }
  }
}
