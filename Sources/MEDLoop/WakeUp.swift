import CEpoll
import Glibc

/// An eventfd that gets a loop out of epoll_wait.
final class WakeUp: IOHandler, Sendable {
  let descriptor: Int32

  init() throws(LoopError) {
    descriptor = med_eventfd()
    guard descriptor >= 0 else { throw LoopError(call: "eventfd", code: errno) }
  }

  func close() { _ = Glibc.close(descriptor) }

  func signal() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  func handle(_ events: IOEvents, on descriptor: Int32) {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
  }
}
