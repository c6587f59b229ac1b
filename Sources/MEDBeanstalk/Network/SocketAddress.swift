import Glibc

/// An address that a socket can connect to, IPv4 or IPv6.
struct SocketAddress: Sendable {
  private let storage: [UInt8]
  let family: Int32

  init(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
    storage = [UInt8](UnsafeRawBufferPointer(start: address, count: Int(length)))
    family = Int32(address.pointee.sa_family)
  }

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var aligned = sockaddr_storage()
    let length = min(storage.count, MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutableBytes(of: &aligned) { $0.copyBytes(from: storage.prefix(length)) }
    return withUnsafePointer(to: &aligned) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }

  /// All addresses of `host`. Blocks for as long as the resolver takes, unless `numericOnly`.
  static func lookUp(_ host: String, port: UInt16, numericOnly: Bool) -> Result<[SocketAddress], LookupError> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV | (numericOnly ? AI_NUMERICHOST : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else { return .failure(LookupError(code: code)) }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var entry = list
    while let info = entry?.pointee {
      if let address = info.ai_addr { addresses.append(SocketAddress(address, length: info.ai_addrlen)) }
      entry = info.ai_next
    }
    return .success(addresses)
  }
}

/// getaddrinfo failed.
struct LookupError: Error, CustomStringConvertible {
  let code: Int32

  var description: String { "getaddrinfo: \(String(cString: gai_strerror(code)))" }
}
