import Glibc

/// Connects a blocking TCP socket; `timeout` bounds the connecting and each later read and write.
func connectTCP(host: String, port: UInt16, timeout: Duration) throws(SystemError) -> Int32 {
  var failure = SystemError(message: "\(host) has no address")
  for address in try resolve(host: host, port: port, passive: false) {
    let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SystemError("can't make a socket") }
    var limit = timeval(tv_sec: Int(timeout.components.seconds), tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    if address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 { return descriptor }
    failure = SystemError("can't connect to \(host):\(port)")
    close(descriptor)
  }
  throw failure
}

/// A TCP socket that listens and doesn't block.
func listenTCP(_ address: ListenAddress) throws(SystemError) -> Int32 {
  guard let resolved = try resolve(host: address.host, port: address.port, passive: true).first else {
    throw SystemError(message: "\(address) is no address")
  }
  let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
  let descriptor = socket(resolved.family, type, 0)
  guard descriptor >= 0 else { throw SystemError("can't make a socket") }
  var on: Int32 = 1
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
  guard resolved.withSockaddr({ bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1024) == 0 else {
    let error = SystemError("can't listen on \(address)")
    close(descriptor)
    throw error
  }
  return descriptor
}

/// The port that a listening socket got.
func localPort(of descriptor: Int32) -> UInt16 {
  var storage = sockaddr_storage()
  var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
  let result = withUnsafeMutablePointer(to: &storage) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
  }
  guard result == 0 else { return 0 }
  // IPv4 and IPv6 have the port at the same place.
  return withUnsafeBytes(of: &storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
}

/// A port of loopback that nobody listens on at this moment.
package func freePort() throws(SystemError) -> UInt16 {
  let descriptor = try listenTCP(ListenAddress(host: "127.0.0.1", port: 0))
  defer { close(descriptor) }
  return localPort(of: descriptor)
}

private struct ResolvedAddress {
  let family: Int32
  private let bytes: [UInt8]

  init(_ info: addrinfo) {
    family = info.ai_family
    bytes = Array(UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen)))
  }

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    let count = min(bytes.count, MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes.prefix(count)) }
    return withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(count)) }
    }
  }
}

private func resolve(host: String, port: UInt16, passive: Bool) throws(SystemError) -> [ResolvedAddress] {
  var hints = addrinfo()
  hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)
  var list: UnsafeMutablePointer<addrinfo>?
  let code = getaddrinfo(host, "\(port)", &hints, &list)
  guard code == 0 else { throw SystemError(message: "\(host): \(String(cString: gai_strerror(code)))") }
  defer { freeaddrinfo(list) }
  var result: [ResolvedAddress] = []
  var next = list
  while let info = next {
    result.append(ResolvedAddress(info.pointee))
    next = info.pointee.ai_next
  }
  return result
}
