import MEDCore
import MEDLoop

/// A gateway that answers what the test says, and remembers what it was given.
final class ScriptedGateway: AlertGateway {
  struct State {
    var isConfigured = true
    var parcels: [AlertParcel] = []
    /// One after the other, then it takes everything.
    var outcomes: [AlertOutcome] = []
    /// Nothing is answered as long as this holds.
    var isHeld = false
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var mostWaiting = 0
  }

  let state = Locked(State())

  init(_ outcomes: AlertOutcome...) { state.withLock { $0.outcomes = outcomes } }

  var isConfigured: Bool { state.withLock { $0.isConfigured } }
  var parcels: [AlertParcel] { state.withLock { $0.parcels } }
  var recipients: [String] { parcels.map(\.recipient) }

  func send(_ parcel: AlertParcel) async -> AlertOutcome {
    let number = state.withLock { state in
      state.parcels.append(parcel)
      return state.parcels.count
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isHeld = state.withLock { state in
          guard state.isHeld, !Task.isCancelled else { return false }
          state.waiting[number] = continuation
          state.mostWaiting = max(state.mostWaiting, state.waiting.count)
          return true
        }
        if !isHeld { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
    }
    if Task.isCancelled { return .failed("cancelled") }
    return state.withLock { $0.outcomes.isEmpty ? .delivered : $0.outcomes.removeFirst() }
  }

  func hold() { state.withLock { $0.isHeld = true } }

  func release() {
    let waiting = state.withLock { state in
      state.isHeld = false
      defer { state.waiting = [:] }
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume() }
  }
}

extension Alerts {
  /// Runs for as long as `body` takes.
  func whileRunning(_ body: () async throws -> Void) async throws {
    let running = Task { await self.run() }
    do {
      try await body()
    } catch {
      running.cancel()
      await running.value
      throw error
    }
    running.cancel()
    await running.value
  }
}
