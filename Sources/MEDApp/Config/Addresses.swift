import Glibc
import MEDCore

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
    guard rest.isEmpty || rest.hasPrefix(":"), IPAddress(String(host))?.isV6 == true else { return nil }
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

/// A numeric address as bytes: 4 for IPv4, 16 for IPv6. A v4-mapped IPv6 address is the IPv4 address it stands for.
struct IPAddress: Hashable, Sendable {
  let bytes: [UInt8]

  var isV6: Bool { bytes.count == 16 }

  init?(_ text: String) {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      bytes = withUnsafeBytes(of: &v4) { Array($0) }
      return
    }
    var v6 = in6_addr()
    guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
    let all = withUnsafeBytes(of: &v6) { Array($0) }
    let mapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
    bytes = mapped ? Array(all.suffix(4)) : all
  }
}

/// A CIDR range such as `10.0.0.0/8` or `fe80::/10`; an address alone is a range of one.
public struct NetworkRange: Hashable, Sendable, CustomStringConvertible {
  public let description: String
  let network: [UInt8]
  let prefixLength: Int

  /// - Returns: nil unless `text` is `<address>` or `<address>/<bits>`, the bits fitting the family.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
    let width = address.bytes.count * 8
    var length = width
    if parts.count == 2 {
      guard let number = UInt8(parts[1]), parts[1].first != "+", number <= width else { return nil }
      length = Int(number)
    }
    description = text
    network = address.bytes
    prefixLength = length
  }

  public func contains(_ address: String) -> Bool {
    guard let other = IPAddress(address), other.bytes.count == network.count else { return false }
    for (index, (mine, theirs)) in zip(network, other.bytes).enumerated() {
      let bits = min(8, prefixLength - index * 8)
      if bits <= 0 { return true }
      let mask = UInt8(truncatingIfNeeded: 0xff << (8 - bits))
      if mine & mask != theirs & mask { return false }
    }
    return true
  }

  static let loopback = ["127.0.0.0/8", "::1/128"].compactMap(NetworkRange.init)
  public static let linkLocal = ["169.254.0.0/16", "fe80::/10"].compactMap(NetworkRange.init)
  public static let loopbackAndPrivate =
    loopback + ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].compactMap(NetworkRange.init)
}
