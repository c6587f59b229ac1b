import CEpoll
import Glibc

/// An eventfd that gets a loop out of epoll_wait. Watched for edges, it needn't be read.
final class WakeUp: IOHandler, Sendable {
  let descriptor: Int32

  init() throws(LoopError) {
    let descriptor = med_eventfd()
    guard descriptor >= 0 else { throw LoopError(call: "eventfd", code: errno) }
    self.descriptor = descriptor
  }

  deinit { _ = close(descriptor) }

  /// The counter takes 2⁶⁴ − 2 of these.
  func signal() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  func handle(_ events: IOEvents, on descriptor: Int32) {}
}
