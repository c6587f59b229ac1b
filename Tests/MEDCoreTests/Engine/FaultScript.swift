import MEDCore
import MEDLoop

/// What a dispatcher asks of others.
enum OutsideCall: String, CaseIterable {
  case take, put, delete, kick, peek, commit, push, lookUp
}

/// How a call can fail.
enum CallFault: Error, CaseIterable {
  case refused, tooBig, unavailable
  /// No answer came, and it was not done.
  case unanswered
  /// No answer came, and it was done.
  case doneUnanswered

  var putOutcome: PutOutcome {
    switch self {
    case .refused: .refused("OUT_OF_MEMORY")
    case .tooBig: .tooBig
    case .unavailable: .unavailable
    case .unanswered, .doneUnanswered: .unanswered
    }
  }
}

/// Counts all calls to the outside, and lets some of them fail.
final class FaultScript: Sendable {
  enum Plan: Sendable {
    case none
    /// The n-th call of a kind fails, once.
    case fail(OutsideCall, Int, CallFault)
    /// From the n-th call on nothing is done and nothing answers, as if the process had been killed there.
    case kill(at: Int, CallFault)
    /// At the n-th call the dispatcher is told to stop.
    case stop(at: Int)
    /// One server can't be reached for some calls.
    case down(server: Int, at: Int, calls: Int)
  }

  private struct State: Sendable {
    var counts: [OutsideCall: Int] = [:]
    var total = 0
    var isOver = false
    /// Calls that fail as long as this holds.
    var failing: Set<OutsideCall> = []
  }

  let plan: Plan
  private let state = Locked(State())

  init(_ plan: Plan, failing: Set<OutsideCall> = []) {
    self.plan = plan
    state.withLock { $0.failing = failing }
  }

  var counts: [OutsideCall: Int] { state.withLock { $0.counts } }
  var total: Int { state.withLock { $0.total } }
  /// The process is dead, or shall end now.
  var isOver: Bool { state.withLock { $0.isOver } }

  func isDown(_ server: Int) -> Bool {
    guard case .down(server, let first, let calls) = plan else { return false }
    return state.withLock { $0.total >= first && $0.total < first + calls }
  }

  /// - Returns: how this call shall fail; nil: it is done and answered.
  func fault(of call: OutsideCall, at server: Int? = nil) -> CallFault? {
    let isDown = server.map { self.isDown($0) } ?? false
    return state.withLock { state in
      // Takes that find nothing come by the thousand.
      let number = state.counts[call, default: 0]
      state.counts[call] = number + 1
      let place = state.total
      if call != .take || isDown { state.total += 1 }
      if isDown { return .unavailable }
      if state.failing.contains(call) { return .refused }
      switch plan {
      case .none, .down: return nil
      case .fail(call, number, let fault): return fault
      case .fail: return nil
      case .stop(let at):
        if place >= at { state.isOver = true }
        return nil
      case .kill(let at, let fault):
        if state.isOver { return .unanswered }
        guard place >= at, call != .take else { return nil }
        state.isOver = true
        return fault
      }
    }
  }
}
