/// What a test waited for and didn't get.
public struct NeverHappened: Error, CustomStringConvertible {
  public let description: String
}

/// Waits until `condition` holds, looking every few milliseconds.
///
/// An error thrown by `condition` counts as "not yet" (the server may be restarting) and is shown if the time runs out.
/// - Parameters:
///   - claim: what is waited for, for the message: "the job is buried".
///   - within: the longest wait; generous, because a waiting test costs nothing when it succeeds.
/// - Throws: ``NeverHappened`` with the claim and the place of the call; `CancellationError`.
public func eventually(
  _ claim: String = "the condition holds", within limit: Duration = .seconds(20),
  every pause: Duration = .milliseconds(5), file: StaticString = #fileID, line: Int = #line,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = MonotonicDeadline(in: limit)
  var lastError: (any Error)?
  while true {
    do {
      if try await condition() { return }
      lastError = nil
    } catch let error as CancellationError {
      throw error
    } catch {
      lastError = error
    }
    if deadline.hasPassed { break }
    try await Task.sleep(for: pause)
  }
  let reason = lastError.map { "; the last look failed with \($0)" } ?? ""
  throw NeverHappened(description: "\(file):\(line): not within \(limit): \(claim)\(reason)")
}
