/// Runs async work from a plain thread and waits for it there.
public func runBlocking<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) throws -> Result {
  let box = Monitor<Swift.Result<Result, any Error>?>(nil)
  Task.detached {
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    box.withLock { $0 = result }
    box.signal()
  }
  while true {
    if let result = box.wait({ $0 }) { return try result.get() }
  }
}
