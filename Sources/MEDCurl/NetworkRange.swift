import Glibc

/// An IPv4 or IPv6 address as 4 or 16 bytes in network order. An IPv4 address mapped into IPv6 is the IPv4 address.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
  /// IPv4 addresses stand in the upper 32 bits.
  let bits: UInt128
  let width: Int

  private init(bits: UInt128, width: Int) {
    self.bits = bits
    self.width = width
  }

  init(v4 address: UInt32) {
    self.init(bits: UInt128(address) << 96, width: 32)
  }

  init(v6 address: UInt128) {
    if address >> 32 == 0xFFFF {
      self.init(v4: UInt32(truncatingIfNeeded: address))
    } else {
      self.init(bits: address, width: 128)
    }
  }

  /// - Returns: nil if `text` is no numeric address.
  public init?(_ text: String) {
    var v4 = in_addr()
    var v6 = in6_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      self.init(v4: UInt32(bigEndian: v4.s_addr))
    } else if inet_pton(AF_INET6, text, &v6) == 1 {
      self.init(v6: Self.number(v6))
    } else {
      return nil
    }
  }

  /// - Parameter address: a `sockaddr_in` or `sockaddr_in6`, of the length that its family has.
  /// - Returns: nil for other families.
  init?(socketAddress address: UnsafeRawPointer) {
    switch Int32(address.loadUnaligned(as: sockaddr.self).sa_family) {
    case AF_INET:
      self.init(v4: UInt32(bigEndian: address.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
    case AF_INET6:
      self.init(v6: Self.number(address.loadUnaligned(as: sockaddr_in6.self).sin6_addr))
    default:
      return nil
    }
  }

  public var description: String {
    var bytes = bits.bigEndian
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(width == 32 ? AF_INET : AF_INET6, &bytes, &text, socklen_t(text.count))
    return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }

  private static func number(_ address: in6_addr) -> UInt128 {
    withUnsafeBytes(of: address) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
  }
}

/// A block of addresses: `10.0.0.0/8`, `fe80::/10`, or one address alone.
public struct NetworkRange: Hashable, Sendable, CustomStringConvertible {
  public static let loopback = ["127.0.0.0/8", "::1/128"].compactMap(NetworkRange.init)
  public static let loopbackAndPrivate =
    loopback + ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].compactMap(NetworkRange.init)
  /// Where cloud providers keep their metadata: 169.254.0.0/16 and fe80::/10.
  public static let linkLocal = ["169.254.0.0/16", "fe80::/10"].compactMap(NetworkRange.init)

  /// The range as it was written.
  public let description: String
  private let first: NetworkAddress
  private let mask: UInt128

  /// - Parameter text: an address, maybe with `/` and the number of leading bits that count. Bits after these are ignored.
  ///   A range of mapped IPv4 addresses (`::ffff:10.0.0.0/104`) is the range of the IPv4 ones.
  /// - Returns: nil if `text` is no such range.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let host = parts.first, let address = NetworkAddress(String(host)) else { return nil }
    let writtenWidth = host.contains(":") ? 128 : 32
    var length = writtenWidth
    if parts.count == 2 {
      guard parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int(parts[1]), number <= writtenWidth
      else { return nil }
      length = number
    }
    if writtenWidth > address.width {
      guard length >= 96 else { return nil }  // would be half mapped addresses, half others
      length -= 96
    }
    mask = length == 0 ? 0 : ~0 << UInt128(128 - length)
    first = address
    description = text
  }

  public func contains(_ address: NetworkAddress) -> Bool {
    address.width == first.width && (address.bits ^ first.bits) & mask == 0
  }

  /// - Returns: false as well if `address` is no numeric address.
  public func contains(_ address: String) -> Bool { NetworkAddress(address).map(contains) ?? false }
}
