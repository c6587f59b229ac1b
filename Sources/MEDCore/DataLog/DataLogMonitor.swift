import Glibc

/// A state with its mutex and its condition: what the writer's thread and everybody else share.
///
/// POSIX ones, as the thread waits for bytes with a deadline, which `Synchronization.Mutex` has no condition for.
final class DataLogMonitor<State>: @unchecked Sendable {  // why: `state` is touched with the mutex held only
  private var state: State
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  enum Decision<Result> {
    case proceed(Result)
    /// Decide again after a signal, at the latest at that time (``uptime()``).
    case wait(until: UInt64?)
  }

  init(_ state: sending State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
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

  func withLock<Result>(_ body: (inout State) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&state)
  }

  func signal() { pthread_cond_signal(condition) }

  /// Blocks the thread until `decide` says to proceed. `decide` runs with the lock held.
  func wait<Result>(_ decide: (inout State) -> Decision<Result>) -> Result {
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

  /// Nanoseconds of the clock that deadlines are told by.
  static func uptime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
