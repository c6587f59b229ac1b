import Logging
import MEDCore
import MEDLoop

/// What the connections of an ``RPCServer`` share: the commands under way, and what is counted of them.
final class RPCHub: Sendable {
  private struct State {
    var counters = RPCState()
    var statistics: RPCStatistics
  }

  let limits: RPCLimits
  let perform: RPCServer.Perform
  let register: ConnectionRegister
  private let state: Locked<State>

  /// - Parameter commands: the names that are counted each by itself.
  init(limits: RPCLimits, register: ConnectionRegister, commands: [String], perform: @escaping RPCServer.Perform) {
    self.limits = limits
    self.register = register
    self.perform = perform
    state = Locked(State(statistics: RPCStatistics(commands: commands)))
  }

  var counters: RPCState {
    let connections = register.counters
    var counters = state.withLock { $0.counters }
    counters.connections = connections.connections
    counters.accepted = connections.accepted
    counters.refused = connections.refused
    counters.tooMany = connections.tooMany
    return counters
  }

  var statistics: RPCStatistics { state.withLock { $0.statistics } }

  func count(_ change: (inout RPCState) -> Void) { state.withLock { change(&$0.counters) } }

  /// - Returns: false if too many commands are under way; otherwise ``endCommand()`` must follow.
  func beginCommand() -> Bool {
    state.withLock { state in
      guard state.counters.commandsUnderWay < limits.commands else { return false }
      state.counters.commandsUnderWay += 1
      return true
    }
  }

  func endCommand() { count { $0.commandsUnderWay -= 1 } }

  /// A command has ended, by whatever name a client called it.
  func count(_ command: String, isFailure: Bool) {
    let minute = RecordTime.now().microseconds / 60_000_000
    state.withLock { $0.statistics.count(command, isFailure: isFailure, in: Int(minute)) }
  }
}
