import Glibc

/// Loopback sockets as the kernel has them. File descriptors are closed on exec, so that no server inherits them.
enum TCP {
  /// A listening, non-blocking socket on 127.0.0.1.
  static func listen(port: UInt16, backlog: Int32 = 1024) throws -> Int32 {
    let fd = try bound(to: port)
    guard Glibc.listen(fd, backlog) == 0 else {
      let error = SystemError("listen on 127.0.0.1:\(port)")
      close(fd)
      throw error
    }
    return fd
  }

  /// A socket with that address, which doesn't listen yet. Fails if another one listens there.
  static func bound(to port: UInt16) throws -> Int32 {
    let fd = try make(flags: SOCK_NONBLOCK.rawValue)
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1)
    guard withLoopback(port, { bind(fd, $0, $1) }) == 0 else {
      let error = SystemError("bind 127.0.0.1:\(port)")
      close(fd)
      throw error
    }
    return fd
  }

  /// A blocking connection to 127.0.0.1; reads and writes on it end with EAGAIN after `timeout`.
  static func connect(port: UInt16, timeout: Duration) throws -> Int32 {
    let fd = try make(flags: 0)
    setTimeout(fd, timeout)
    setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    guard withLoopback(port, { Glibc.connect(fd, $0, $1) }) == 0 else {
      let error = SystemError("connect to 127.0.0.1:\(port)")
      close(fd)
      throw error
    }
    return fd
  }

  /// The next connection of a non-blocking listener, itself non-blocking; nil when none waits.
  static func accept(_ listener: Int32) -> Int32? {
    let fd = Glibc.accept(listener, nil, nil)
    guard fd >= 0 else { return nil }
    _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
    setNonBlocking(fd)
    setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    return fd
  }

  static func setNonBlocking(_ fd: Int32) { _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) }

  static func setTimeout(_ fd: Int32, _ timeout: Duration) {
    let milliseconds = Int(timeout.milliseconds) * Patience.factor
    var value = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &value, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, socklen_t(MemoryLayout<timeval>.size))
  }

  enum Read {
    case bytes([UInt8])
    case nothingYet
    case end
    case failed(SystemError)
  }

  static func read(_ fd: Int32, atMost limit: Int = 65_536) -> Read {
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, used in
      count = recv(fd, buffer.baseAddress, limit, 0)
      used = max(0, count)
    }
    if count > 0 { return .bytes(bytes) }
    if count == 0 { return .end }
    return errno == EAGAIN || errno == EINTR ? .nothingYet : .failed(SystemError("recv"))
  }

  /// Writes what the socket takes at once: the number of bytes, or nil if the connection is broken.
  static func write(_ fd: Int32, _ bytes: ArraySlice<UInt8>) -> Int? {
    let count = bytes.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    if count >= 0 { return count }
    return errno == EAGAIN || errno == EINTR ? 0 : nil
  }

  /// Writes all of it to a blocking socket.
  static func writeAll(_ fd: Int32, _ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SystemError("send") }
      rest = rest.dropFirst(count)
    }
  }

  private static func make(flags: UInt32) throws -> Int32 {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | flags), 0)
    guard fd >= 0 else { throw SystemError("socket") }
    return fd
  }

  private static func setOption(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
    var value = value
    setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}
