import Glibc

/// A value behind a lock, which threads can wait on until it is as they need it.
///
/// POSIX mutex and condition: `Synchronization.Mutex` has no condition that can be waited on with a deadline.
package final class Monitor<State>: @unchecked Sendable {  // why: all access to `state` is under the mutex
  private var state: State
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// What ``proceed(_:)`` asks for.
  package enum Decision<Result> {
    case proceed(Result)
    /// Decide again after a signal, at the latest at that time (``uptime()``).
    case wait(until: UInt64?)
  }

  package init(_ state: sending State) {
    self.state = state
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    // The monotonic clock, so that a set clock neither shortens nor lengthens a wait.
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Wakes whoever waits.
  package func signal() { pthread_cond_broadcast(condition) }

  /// Blocks the thread until `decide`, which runs with the lock held, says to proceed.
  package func proceed<Result>(_ decide: (inout State) -> Decision<Result>) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      switch decide(&state) {
      case .proceed(let result): return result
      case .wait(nil): pthread_cond_wait(condition, mutex)
      case .wait(let deadline?):
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &time)
      }
    }
  }

  /// Blocks the thread until `body` gives a value; it is asked again after each signal.
  /// - Returns: nil if the time is over first.
  package func wait<Result>(atMost limit: Duration? = nil, _ body: (inout State) -> Result?) -> Result? {
    let deadline = limit.map { Self.uptime() + Self.nanoseconds($0) }
    return proceed { state in
      if let result = body(&state) { return .proceed(result) }
      if let deadline, Self.uptime() >= deadline { return .proceed(nil) }
      return .wait(until: deadline)
    }
  }

  /// Nanoseconds of the clock that deadlines are told by.
  package static func uptime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Of a time to wait, which is no longer than a century.
  private static func nanoseconds(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = min(max(duration, .zero), .seconds(3_155_760_000)).components
    return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}
