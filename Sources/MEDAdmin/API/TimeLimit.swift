import MEDLoop

/// Waits a limited time for work that can't be interrupted; it goes on when nobody waits for it any more.
///
/// Past ``bound`` pieces of such work further ones aren't begun.
final class TimeLimit: Sendable {
  static let bound = 64

  private let underWay = Locked(0)

  /// - Returns: nil if it took too long, or too much is under way.
  func value<Value: Sendable>(
    within limit: Duration, _ work: @escaping @Sendable () async -> Value
  ) async -> Value? {
    let mayBegin = underWay.withLock { count in
      guard count < Self.bound else { return false }
      count += 1
      return true
    }
    guard mayBegin else { return nil }
    return await withCheckedContinuation { continuation in
      let waiting = Locked<CheckedContinuation<Value?, Never>?>(continuation)
      let take: @Sendable () -> CheckedContinuation<Value?, Never>? = {
        waiting.withLock { waiting in
          defer { waiting = nil }
          return waiting
        }
      }
      let timer = Task.detached {
        try? await Task.sleep(for: limit)
        take()?.resume(returning: nil)
      }
      Task.detached { [underWay] in
        let value = await work()
        underWay.withLock { $0 -= 1 }
        take()?.resume(returning: value)
        timer.cancel()
      }
    }
  }

  /// The same for work that may fail.
  /// - Throws: what it threw, or `.timedOut`.
  func answer<Value: Sendable>(
    within limit: Duration, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let result = await value(within: limit) { () async -> Result<Value, any Error> in
      do { return .success(try await work()) } catch { return .failure(error) }
    }
    guard let result else {
      throw AdminError(.timedOut, "it took longer than \(limit.components.seconds) s; it may still be carried out")
    }
    return try result.get()
  }
}
