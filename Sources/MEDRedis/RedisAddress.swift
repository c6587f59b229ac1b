/// `host:port` of a Redis server.
public struct RedisAddress: Hashable, Sendable, CustomStringConvertible {
  /// The port that servers have by default.
  public static let defaultPort: UInt16 = 6379

  /// A name or an address; IPv6 without brackets.
  public let host: String
  /// 1 ... 65535.
  public let port: UInt16

  /// An address of that host.
  public init(host: String, port: UInt16 = defaultPort) {
    self.host = host
    self.port = port
  }

  /// Reads `host`, `host:port`, `[IPv6]` or `[IPv6]:port`. Nil for anything else.
  public init?(parsing text: some StringProtocol) {
    var rest = text[...]
    var host: Substring
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      host = Substring(rest[..<end].dropFirst())
      rest = rest[end...].dropFirst()
      guard host.contains(":") else { return nil }
    } else {
      let end = rest.firstIndex(of: ":") ?? rest.endIndex
      host = Substring(rest[..<end])
      rest = rest[end...]
    }
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    var port = Self.defaultPort
    if !rest.isEmpty {
      let digits = rest.dropFirst()
      guard rest.hasPrefix(":"), !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = UInt16(digits), number > 0
      else { return nil }
      port = number
    }
    self.init(host: String(host), port: port)
  }

  /// `host:port`, an IPv6 address in brackets.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
