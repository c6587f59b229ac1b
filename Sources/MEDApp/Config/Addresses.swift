import MEDCore
import MEDCurl

/// `host:port`, a host in brackets if it is an IPv6 address. The host may be left out: all addresses.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  public let host: String
  public let port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// - Returns: nil unless `text` is `host:port`, `:port` or `[v6]:port`.
  public init?(_ text: String) {
    guard let (host, port) = splitHostAndPort(text), let port else { return nil }
    self.init(host: host.isEmpty ? "0.0.0.0" : host, port: port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Whether only this machine can reach it.
  public var isLoopback: Bool {
    if host == "localhost" { return true }
    return NetworkRange.loopback.contains { $0.contains(host) }
  }
}

extension QueueServerAddress {
  /// - Returns: nil unless `text` is `host`, `host:port`, `[v6]` or `[v6]:port`.
  public init?(_ text: String) {
    guard let (host, port) = splitHostAndPort(text), !host.isEmpty, port != 0 else { return nil }
    self.init(host: host, port: port ?? QueueServerAddress.defaultPort)
  }
}

/// Splits `host`, `host:port`, `[v6]` and `[v6]:port`; a host is letters, digits, `.`, `-`, `_`, or an IPv6 address.
private func splitHostAndPort(_ text: String) -> (host: String, port: UInt16?)? {
  var host = Substring(text)
  var port: Substring?
  if text.hasPrefix("[") {
    guard let end = text.firstIndex(of: "]") else { return nil }
    host = text[text.index(after: text.startIndex)..<end]
    let rest = text[text.index(after: end)...]
    guard rest.isEmpty || rest.hasPrefix(":"), NetworkAddress(String(host)) != nil, host.contains(":") else {
      return nil
    }
    port = rest.isEmpty ? nil : rest.dropFirst()
  } else if let colon = text.lastIndex(of: ":") {
    host = text[..<colon]
    port = text[text.index(after: colon)...]
    guard !host.contains(":") else { return nil }
  }
  let letters = host.utf8.allSatisfy { byte in
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: ":"):
      true
    default: false
    }
  }
  guard letters, host.utf8.count <= 253 else { return nil }
  guard let port else { return (String(host), nil) }
  guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = UInt16(port)
  else { return nil }
  return (String(host), number)
}
