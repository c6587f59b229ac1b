import Glibc
import Testing

@testable import MEDLoop

extension EventLoop {
  /// Runs `body` on the loop and waits for it.
  func call<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      submit { continuation.resume(with: Swift.Result { try body() }) }
    }
  }

  /// Whether anything waits for its time.
  func hasTimers() async throws -> Bool {
    try await call { self.timers.nextDeadline != nil }
  }

  /// How many turns it makes by itself in a while in which nothing happens.
  func idleTurns() async throws -> UInt64 {
    let before = try await call { self.turns }
    try await Task.sleep(for: .milliseconds(50))  // why: there is no other way to see that nothing happens
    let after = try await call { self.turns }
    return after - before - 1  // the call's own
  }
}

/// Starts a loop for `body` and stops it.
func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
  let loop = try EventLoop.start()
  defer { loop.stop() }
  try await body(loop)
}

/// Waits until `condition` holds, for as long as that may take on a busy machine.
func eventually(
  _ claim: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(120)
  while ContinuousClock.now < deadline {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(1))  // why: the pause between two looks
  }
  Issue.record(claim ?? "it never came to this", sourceLocation: sourceLocation)
}

/// Runs `body` on so many threads of their own, and waits for them.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Start {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }
  let threads = (0..<count).map { index in
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start { body(index) })
    pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, start.toOpaque())
    return thread
  }
  for thread in threads { pthread_join(thread, nil) }
}

/// Lets one thread wait for another.
final class Signal: @unchecked Sendable {  // why: a semaphore is made for several threads
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func send() { sem_post(semaphore) }

  func wait() { while sem_wait(semaphore) != 0 {} }
}

/// Sees whether an object is still there.
final class Witness<Object: AnyObject>: @unchecked Sendable {  // why: a weak reference is read and cleared atomically
  private(set) weak var object: Object?

  init(_ object: Object) { self.object = object }
}

/// Calls a closure when it goes.
final class Farewell {
  private let body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }

  deinit { body() }
}
