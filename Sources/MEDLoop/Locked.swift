import Glibc

/// A value behind a mutex.
///
/// A pthread mutex rather than `Synchronization.Mutex`, because the thread sanitizer understands it.
public final class Locked<Value>: @unchecked Sendable {  // why: every access to `value` holds the mutex
  private var value: Value
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

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

  @inlinable
  public func withLock<Result>(_ body: (inout sending Value) throws -> sending Result) rethrows -> sending Result {
    lock()
    defer { unlock() }
    return try access(body)
  }

  @usableFromInline
  func lock() { pthread_mutex_lock(mutex) }

  @usableFromInline
  func unlock() { pthread_mutex_unlock(mutex) }

  @usableFromInline
  func access<Result>(_ body: (inout sending Value) throws -> sending Result) rethrows -> sending Result {
    try body(&value)
  }
}
