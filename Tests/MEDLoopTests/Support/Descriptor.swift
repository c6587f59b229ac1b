import Glibc

@testable import MEDLoop

/// Owns a file descriptor.
final class Descriptor: Sendable {
  let number: Int32
  private let isOpen = Locked(true)

  init(_ number: Int32) { self.number = number }

  deinit { close() }

  func close() {
    let wasOpen = isOpen.withLock { isOpen in
      defer { isOpen = false }
      return isOpen
    }
    if wasOpen { _ = Glibc.close(number) }
  }

  /// Closes it and gives its number to what `other` is.
  func replace(with other: Descriptor) { dup2(other.number, number) }

  /// Sends a byte, if there is somebody to take it.
  func write() { _ = send(number, [1], 1, Int32(MSG_NOSIGNAL)) }

  /// Writes until nothing more goes in.
  func fill() {
    let bytes = [UInt8](repeating: 0, count: 65_536)
    while Glibc.write(number, bytes, bytes.count) > 0 {}
  }

  /// Reads until there is nothing left.
  func drain() {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    while Glibc.read(number, &bytes, bytes.count) > 0 {}
  }

  /// Two connected, non-blocking sockets.
  static func sockets() throws -> (Descriptor, Descriptor) {
    var pair: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &pair) == 0 else { throw LoopError(call: "socketpair", code: errno) }
    return (Descriptor(pair[0]), Descriptor(pair[1]))
  }

  /// A non-blocking pipe.
  static func pipe() throws -> (reader: Descriptor, writer: Descriptor) {
    var pair: [Int32] = [-1, -1]
    guard Glibc.pipe(&pair) == 0 else { throw LoopError(call: "pipe", code: errno) }
    for number in pair { _ = fcntl(number, F_SETFL, O_NONBLOCK) }
    return (Descriptor(pair[0]), Descriptor(pair[1]))
  }
}

/// Tells a closure about events.
final class CallingHandler: IOHandler {
  private let body: (IOEvents, Int32) -> Void

  init(_ body: @escaping (IOEvents, Int32) -> Void) { self.body = body }

  func handle(_ events: IOEvents, on descriptor: Int32) { body(events, descriptor) }
}
