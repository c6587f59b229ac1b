/// A reply.
public enum RedisValue: Sendable, Equatable {
  /// `+OK`.
  case status(String)
  /// `-ERR …`: the command was refused, and others of the same pipeline may not have been.
  case error(RedisServerError)
  /// `:1`.
  case integer(Int64)
  /// `$…`: opaque bytes.
  case bytes([UInt8])
  /// `$-1` or `*-1`: there is no such thing.
  case null
  /// `*…`.
  case array([RedisValue])

  /// The bytes of a string; nil for everything else.
  public var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }
  /// The number; nil for everything else.
  public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
  /// The elements; nil for everything else.
  public var array: [RedisValue]? { if case .array(let elements) = self { elements } else { nil } }
  /// Why the command was refused; nil for everything else.
  public var error: RedisServerError? { if case .error(let error) = self { error } else { nil } }
}
