import Glibc
import MEDLoop
import MEDTestSupport

/// A connection of a client that needn't behave. Blocks its thread: use it within ``onThread(_:)``.
final class TCPClient: Sendable {
  private let fd: Int32

  init(port: UInt16) throws {
    fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Unexpected(description: "connect: errno \(errno)") }
  }

  deinit { close(fd) }

  func write(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Unexpected(description: "send: errno \(errno)") }
      rest = rest.dropFirst(count)
    }
  }

  /// - Throws: if the server doesn't hang up in time, or resets the connection.
  func readToEnd() throws -> String {
    var all: [UInt8] = []
    while let part = try read() { all += part }
    return String(decoding: all, as: UTF8.self)
  }

  /// What came until the server hung up, in whatever way.
  func readToEndOrReset() throws -> String {
    var all: [UInt8] = []
    do {
      while let part = try read() { all += part }
    } catch {
      guard errno == ECONNRESET else { throw error }
    }
    return String(decoding: all, as: UTF8.self)
  }

  /// The head of an answer and what came with it.
  func readHead() throws -> String {
    var all: [UInt8] = []
    while all.firstRange(of: Array("\r\n\r\n".utf8)) == nil {
      guard let part = try read() else { throw Unexpected(description: "hung up after \(all.count) bytes") }
      all += part
    }
    return String(decoding: all, as: UTF8.self)
  }

  func hasAnswer(within limit: Duration) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, Int32(limit / .milliseconds(1))) > 0
  }

  private func read() throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(fd, &buffer, buffer.count, 0)
    guard count >= 0 else { throw Unexpected(description: "recv: errno \(errno)") }
    return count == 0 ? nil : Array(buffer[..<count])
  }
}

/// Runs `body` on a thread that may block: the server answers on Swift's pool, which has few.
func onThread(_ body: @escaping @Sendable () async throws -> Void) async throws {
  let loop = try EventLoop.start(name: "client")
  defer { loop.stop() }
  // A task of its own: withTaskExecutorPreference changes threads at the first suspension, not before.
  try await Task(executorPreference: loop.taskExecutor) { try await body() }.value
}
