import Glibc

/// What other hosts know this one by.
public enum HostAddress {
  /// The first address of an interface that is up and isn't the loopback: IPv4 if there is one, else IPv6 that isn't
  /// link-local; `127.0.0.1` on a host without any.
  public static func first() -> String {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return "127.0.0.1" }
    defer { freeifaddrs(list) }
    var sixth: String?
    var next = list
    while let interface = next?.pointee {
      next = interface.ifa_next
      guard let address = interface.ifa_addr, interface.ifa_flags & UInt32(IFF_UP) != 0,
        interface.ifa_flags & UInt32(IFF_LOOPBACK) == 0
      else { continue }
      switch Int32(address.pointee.sa_family) {
      case AF_INET: if let text = text(address, MemoryLayout<sockaddr_in>.size) { return text }
      case AF_INET6:
        guard sixth == nil, let text = text(address, MemoryLayout<sockaddr_in6>.size), !text.hasPrefix("fe80") else {
          continue
        }
        sixth = text
      default: continue
      }
    }
    return sixth ?? "127.0.0.1"
  }

  private static func text(_ address: UnsafePointer<sockaddr>, _ size: Int) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
      guard let start = buffer.baseAddress,
        getnameinfo(address, socklen_t(size), start, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
      else { return nil }
      return String(cString: start)
    }
  }
}
