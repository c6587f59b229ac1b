import Glibc
import MEDTestSupport

/// Answers whatever comes with the same bytes, and closes. For answers that no HTTP server gives, and for IPv6.
final class RawServer: Sendable {
  let port: UInt16
  private let socket: Int32

  init(reply: [UInt8], family: Int32 = AF_INET) throws {
    let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { throw SystemError("socket") }
    let port = try FreePort.next()
    guard Self.bind(socket, family, port), listen(socket, 16) == 0 else {
      Glibc.close(socket)
      throw SystemError("bind")
    }
    self.socket = socket
    self.port = port
    let work = Work(socket: socket, reply: reply)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().serve()
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    guard code == 0 else { throw SystemError("pthread_create", code: code) }
    pthread_detach(thread)
  }

  deinit { shutdown(socket, Int32(SHUT_RDWR)) }

  static var hasIPv6: Bool {
    let socket = Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { return false }
    defer { Glibc.close(socket) }
    return bind(socket, AF_INET6, 0)
  }

  private static func bind(_ socket: Int32, _ family: Int32, _ port: UInt16) -> Bool {
    if family == AF_INET6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      return bind(socket, &address)
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return bind(socket, &address)
  }

  private static func bind<Address>(_ socket: Int32, _ address: inout Address) -> Bool {
    withUnsafeBytes(of: &address) { bytes in
      Glibc.bind(socket, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
    }
  }

  private final class Work: Sendable {
    private let socket: Int32
    private let reply: [UInt8]

    init(socket: Int32, reply: [UInt8]) {
      self.socket = socket
      self.reply = reply
    }

    func serve() {
      while true {
        let connection = accept(socket, nil, nil)
        if connection < 0 { break }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        _ = read(connection, &buffer, buffer.count)
        _ = send(connection, reply, reply.count, Int32(MSG_NOSIGNAL))
        shutdown(connection, Int32(SHUT_WR))
        while read(connection, &buffer, buffer.count) > 0 {}
        Glibc.close(connection)
      }
      Glibc.close(socket)
    }
  }
}
