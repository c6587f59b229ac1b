import Glibc

/// A value behind a mutex.
///
/// A pthread mutex rather than `Synchronization.Mutex`, because the thread sanitizer understands it.
public final class Locked<Value>: @unchecked Sendable {  // why: every access to `value` holds the mutex
  /// `value`, behind a mutex of its own.
  @usableFromInline var value: Value
  @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>

  /// Puts `value` behind a mutex of its own.
  public init(_ value: sending Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Gives `body` the value, and nobody else meanwhile. A call from within `body` waits for itself.
  ///
  /// Keep `body` short, and do what may release objects of others after it: their deinit may come back here.
  @inlinable
  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
