import Glibc

/// A thread for work that blocks and that nobody joins; Swift's pool has few.
enum DetachedThread {
  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// - Parameter blocksSignals: none is handled in it, so that a file-size limit (SIGXFSZ) becomes an error.
  /// - Returns: false if the system has no thread to give.
  static func start(blocksSignals: Bool = false, _ body: @escaping @Sendable () -> Void) -> Bool {
    guard blocksSignals else { return create(body) }
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    // A thread begins with the mask of the one that starts it.
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return create(body)
  }

  private static func create(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let work = Unmanaged.passRetained(Work(body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    if result != 0 { work.release() }
    return result == 0
  }

  /// Waits for what `body` returns; nil if the system has no thread to give.
  static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result? {
    await withCheckedContinuation { continuation in
      if !start({ continuation.resume(returning: body()) }) { continuation.resume(returning: nil) }
    }
  }
}
