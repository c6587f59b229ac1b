/// An error reply of a server.
public struct RedisServerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What the first word of the reply says.
  public enum Kind: String, Sendable, CaseIterable {
    /// LOADING: the server has just been started and reads its data.
    case loading
    /// READONLY: a replica.
    case readOnly
    /// MASTERDOWN: a replica that has lost its primary.
    case primaryDown
    /// MOVED, ASK, CLUSTERDOWN, CROSSSLOT, TRYAGAIN: a cluster, which this client doesn't follow.
    case cluster
    /// WRONGPASS, NOAUTH, NOPERM: the account may not do it.
    case notAllowed
    /// WRONGTYPE: the key holds another type.
    case wrongType
    /// OOM: no memory for a command that writes.
    case outOfMemory
    /// BUSY, UNKILLABLE: a script is running.
    case busy
    /// MISCONF, NOREPLICAS: writes are refused, because they couldn't be kept.
    case unsafe
    /// Everything else.
    case other
  }

  /// The kind of refusal.
  public let kind: Kind
  /// As the server says it, at most 300 bytes. May hold arguments of the command.
  public let message: String

  /// Reads the text of an error reply, without its `-`.
  public init(_ text: some Sequence<UInt8>) {
    // Anything may stand there; a log has one line for it.
    let bytes = text.prefix(300).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
    message = String(decoding: bytes, as: UTF8.self)
    kind = Self.kinds[String(message.prefix { $0 != " " })] ?? .other
  }

  private static let kinds: [String: Kind] = [
    "LOADING": .loading, "READONLY": .readOnly, "MASTERDOWN": .primaryDown, "MOVED": .cluster, "ASK": .cluster,
    "CLUSTERDOWN": .cluster, "CROSSSLOT": .cluster, "TRYAGAIN": .cluster, "WRONGPASS": .notAllowed,
    "NOAUTH": .notAllowed, "NOPERM": .notAllowed, "WRONGTYPE": .wrongType, "OOM": .outOfMemory, "BUSY": .busy,
    "UNKILLABLE": .busy, "MISCONF": .unsafe, "NOREPLICAS": .unsafe,
  ]

  /// Another address may do what this one refuses.
  var isAboutServer: Bool {
    switch kind {
    case .loading, .readOnly, .primaryDown, .cluster: true
    case .notAllowed, .wrongType, .outOfMemory, .busy, .unsafe, .other: false
    }
  }

  /// What the server said.
  public var description: String { message }
}
