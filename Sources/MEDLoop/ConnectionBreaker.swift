import Glibc

/// Ends what a thread waits for on a connection of a blocking C library, from another thread: for a stop that can't wait for
/// a time-out.
package final class ConnectionBreaker: Sendable {
  private struct State {
    var socket: Int32?
    var isBroken = false
  }

  private let state = Locked(State())

  package init() {}

  /// - Returns: false: it is broken already, and the connection must not be used.
  package func opened(_ socket: Int32) -> Bool {
    state.withLock { state in
      state.socket = socket
      return !state.isBroken
    }
  }

  /// The number of the socket will belong to others.
  package func willClose() { state.withLock { $0.socket = nil } }

  package var isBroken: Bool { state.withLock { $0.isBroken } }

  /// For good: no connection is made after it.
  package func breakOff() {
    state.withLock { state in
      state.isBroken = true
      if let socket = state.socket { shutdown(socket, Int32(SHUT_RDWR)) }
    }
  }
}
