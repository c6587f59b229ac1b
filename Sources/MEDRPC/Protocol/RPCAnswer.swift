import MEDCore

/// What the server sends for a request.
///
/// Wire: 8 bytes with the length of **the JSON alone**, in bytes, in ASCII decimal; 8 bytes `ok` or `failed`; both padded
/// with NUL behind; then the JSON. With `failed` that is a string that says why.
/// ```
/// 34 00 00 00 00 00 00 00  6f 6b 00 00 00 00 00 00  true
/// ```
public struct RPCAnswer: Sendable, Equatable {
  /// How it went.
  public enum Status: String, Sendable {
    /// It was carried out.
    case ok
    /// It wasn't, and the JSON says why.
    case failed
  }

  /// Seven digits: clients read no more of the length.
  public static let maximumBody = 9_999_999
  /// What the server sends last.
  static let close = Array("CLOSE".utf8)

  /// How it went.
  public let status: Status
  /// JSON.
  public let body: [UInt8]

  private init(_ status: Status, _ body: [UInt8]) {
    self.status = status
    self.body = body
  }

  /// A result; one that is too long is a failure.
  public init(_ result: JSONValue) {
    let bytes = result.bytes
    if bytes.count <= Self.maximumBody {
      self.init(.ok, bytes)
    } else {
      self.init(failure: "the answer is longer than \(Self.maximumBody) bytes")
    }
  }

  /// A failure; at most the first 4,096 characters of the reason are said.
  public init(failure reason: String) {
    self.init(.failed, JSONValue.string(String(reason.prefix(4_096))).bytes)
  }

  /// As it goes over the wire.
  public var bytes: [UInt8] { Self.padded("\(body.count)") + Self.padded(status.rawValue) + body }

  private static func padded(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(RPCFrameParser.headerLength))
    return bytes + Array(repeating: 0, count: RPCFrameParser.headerLength - bytes.count)
  }
}
