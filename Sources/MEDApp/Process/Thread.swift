import Glibc

/// A thread of its own that runs `body` once.
struct Thread: Sendable {
  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void
    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  private let handle: pthread_t

  /// - Parameter name: shown by `top -H`; at most 15 bytes.
  /// - Throws: when the system has no thread to give.
  init(named name: String, _ run: @escaping @Sendable () -> Void) throws(SystemError) {
    let body = Unmanaged.passRetained(Body(name, run))
    var handle = pthread_t()
    let result = pthread_create(
      &handle, nil,
      { context in
        guard let context else { return nil }
        let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
        // pthread_setname_np isn't imported without _GNU_SOURCE; a thread without a name works as well.
        if let file = try? openFile("/proc/thread-self/comm", O_WRONLY) {
          try? writeAll(body.name.utf8, to: file)
          close(file)
        }
        body.run()
        return nil
      }, body.toOpaque())
    guard result == 0 else {
      body.release()
      throw SystemError("can't start a thread", result)
    }
    self.handle = handle
  }

  /// Starts one that nobody waits for.
  static func detached(named name: String, _ run: @escaping @Sendable () -> Void) throws(SystemError) {
    pthread_detach(try Thread(named: name, run).handle)
  }

  /// To be called once, unless the thread was started as a detached one.
  func join() { pthread_join(handle, nil) }
}
