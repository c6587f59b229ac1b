import Foundation

/// What a ``PollThread`` drives: sockets and what to do with them. Its methods run under the thread's lock.
protocol Polled: SendableMetatype {
  /// The sockets to wait on, with `events` set. What is due at `now` counts as due.
  func interests(at now: ContinuousClock.Instant) -> [pollfd]
  /// When to turn at the latest, though no socket has anything: the first time after `now`; nil for no such time.
  func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant?
  /// One turn: some of the sockets may be ready, and some time may be due.
  mutating func turn(_ ready: [pollfd])
  /// Closes all sockets.
  mutating func close()
}

/// A thread that polls the sockets of a fake server or proxy, and the lock around its state.
///
/// Tests look at the state and change it from their own threads, in ``change(_:)``. The thread ends with the last
/// reference.
final class PollThread<State: Polled>: Sendable {
  private let state: Locked<State?>
  private let alarm: Alarm

  init(_ state: sending State) throws {
    let alarm = try Alarm()
    let shared = Locked<State?>(state)
    self.alarm = alarm
    self.state = shared
    Thread.detachNewThread { Self.run(shared, alarm) }
  }

  deinit {
    state.withLock {
      $0?.close()
      $0 = nil
    }
    alarm.ring()
  }

  /// Looks at the state, or changes it; the thread takes notice at once. The body must not call the owner.
  func change<Value>(_ body: (inout State) throws -> Value) rethrows -> Value {
    defer { alarm.ring() }
    return try state.withLock { state in
      guard var current = state.take() else {
        preconditionFailure("the state is gone")  // why: only deinit takes it away
      }
      defer { state = current }
      return try body(&current)
    }
  }

  private static func run(_ state: Locked<State?>, _ alarm: Alarm) {
    while true {
      let plan = state.withLock { state in
        // why: one moment for both, or what becomes due between them is waited for by neither
        let now = ContinuousClock.now
        return state.map { (sockets: $0.interests(at: now), due: $0.nextDue(after: now)) }
      }
      guard let plan else { return }
      let wait = plan.due.map { max(.zero, ContinuousClock.now.duration(to: $0)).milliseconds } ?? -1
      var sockets = plan.sockets + [pollfd(fd: alarm.socket, events: Int16(POLLIN), revents: 0)]
      poll(&sockets, nfds_t(sockets.count), wait)
      alarm.quiet()
      state.withLock { state in state?.turn(sockets.dropLast().filter { $0.revents != 0 }) }
    }
  }
}

/// Wakes a thread that polls.
private final class Alarm: Sendable {
  let socket: Int32
  private let far: Int32

  init() throws {
    var pair: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &pair) == 0 else { throw SystemError("socketpair") }
    (socket, far) = (pair[0], pair[1])
  }

  deinit {
    close(socket)
    close(far)
  }

  func ring() { _ = TCP.write(far, [1]) }

  func quiet() { _ = TCP.read(socket) }
}
