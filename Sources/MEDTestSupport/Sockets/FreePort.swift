import Glibc

/// Ports for servers that must come back on the same port after a restart.
///
/// They lie below the range from which the kernel takes ports for outgoing connections, so that none is taken while
/// its server is down. Each stays reserved until this process ends, against other test processes too: an abstract Unix
/// socket stands for it, which the kernel drops with its process.
public enum FreePort {
  private static let range: ClosedRange<UInt16> = 15_000...32_000

  /// A loopback TCP port on which nothing listens, given to nobody else.
  public static func next() throws -> UInt16 {
    for _ in 0..<1000 {
      let port = UInt16.random(in: range)
      if try reserve(port) { return port }
    }
    throw SystemError("no free port in \(range)", code: EADDRINUSE)
  }

  private static func reserve(_ port: UInt16) throws -> Bool {
    let lock = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard lock >= 0 else { throw SystemError("socket") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = Array("med-test-port-\(port)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      // why: a leading NUL is what makes the name abstract
      UnsafeMutableRawBufferPointer(rebasing: path[1...]).copyBytes(from: name)
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.count)
    let taken = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(lock, $0, length) }
    }
    // Only bound: a child that is just being spawned keeps a copy for a moment, and one that listens would be in the way.
    guard taken == 0, let probe = try? TCP.bound(to: port) else {
      close(lock)
      return false
    }
    close(probe)
    return true
  }
}
