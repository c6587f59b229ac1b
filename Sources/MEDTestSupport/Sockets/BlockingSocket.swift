import Glibc

/// A connection to 127.0.0.1 for witnesses: lines and counted bytes, one thread, a time-out on every wait.
final class BlockingSocket {
  private let fd: Int32
  private var buffer: [UInt8] = []
  private var start = 0

  init(port: UInt16, timeout: Duration) throws { fd = try TCP.connect(port: port, timeout: timeout) }

  deinit { close(fd) }

  func setTimeout(_ timeout: Duration) { TCP.setTimeout(fd, timeout) }

  func write(_ bytes: [UInt8]) throws { try TCP.writeAll(fd, bytes) }

  func endWriting() { shutdown(fd, Int32(SHUT_WR)) }

  /// The next line without its CR LF.
  func line() throws -> String {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        var line = buffer[start..<end]
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        start = end + 1
        return String(decoding: line, as: UTF8.self)
      }
      searched = buffer.count
      let before = start
      guard try fill() else { throw Unexpected(description: "the peer hung up") }
      searched -= before - start
    }
  }

  func bytes(_ count: Int) throws -> [UInt8] {
    while buffer.count - start < count {
      guard try fill() else { throw Unexpected(description: "the peer hung up") }
    }
    defer { start += count }
    return Array(buffer[start..<start + count])
  }

  func readToEnd() throws -> [UInt8] {
    while try fill() {}
    defer { start = buffer.count }
    return Array(buffer[start...])
  }

  /// Reads once; false at the end of the stream.
  private func fill() throws -> Bool {
    if start > 0 {
      buffer.removeSubrange(..<start)
      start = 0
    }
    switch TCP.read(fd) {
    case .bytes(let bytes):
      buffer += bytes
      return true
    case .end: return false
    case .nothingYet: throw SystemError("no answer in time", code: ETIMEDOUT)
    case .failed(let error): throw error
    }
  }
}
