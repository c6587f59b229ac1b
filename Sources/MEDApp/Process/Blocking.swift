import MEDLoop

/// Where ``runBlocking(_:)`` runs, unless the system has no thread to give.
private let blockingExecutor = try? EventLoop.start(name: "blocking").taskExecutor

/// Runs async work from a thread that may block, and waits for it there.
///
/// The work has a thread of its own, so that it goes on even if all those of Swift's pool wait here.
public func runBlocking<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) throws -> Result {
  try wait { done in
    Task.detached(executorPreference: blockingExecutor) { done(await caught(body)) }
  }
}

/// The same for work that is to have the whole pool: a program's only one.
func runBlockingOnPool<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) throws -> Result {
  try wait { done in
    Task.detached { done(await caught(body)) }
  }
}

private func wait<Value: Sendable>(for start: (@escaping @Sendable (Result<Value, any Error>) -> Void) -> Void)
  throws -> Value
{
  let box = Monitor<Result<Value, any Error>?>(nil)
  start { result in
    box.withLock { $0 = result }
    box.signal()
  }
  while true {
    if let result = box.wait({ $0 }) { return try result.get() }
  }
}

private func caught<Value>(_ body: () async throws -> Value) async -> Result<Value, any Error> {
  do { return .success(try await body()) } catch { return .failure(error) }
}
