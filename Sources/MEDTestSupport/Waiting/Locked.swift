import Glibc

/// A value behind a mutex, for what a test shares with the threads of its servers.
///
/// A pthread mutex, because thread sanitizer reports races for `Synchronization.Mutex` that aren't there.
public final class Locked<State>: @unchecked Sendable {  // why: the state is reached only while the mutex is held
  private var state: State
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  public init(_ state: sending State) {
    self.state = state
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  public func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }
}
