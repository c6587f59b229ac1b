import Logging
import MEDCore
import MEDLoop
import NIOCore

/// What the connections of one server share: who is there, what they hold, and what is counted.
final class RPCHub: Sendable {
  /// A stop was asked for: an idle client is hung up on, a busy one after its answer.
  struct Stop: Sendable {}

  private struct State {
    var counters = RPCState()
    var channels: [ObjectIdentifier: any Channel] = [:]
    var heldBytes = 0
    var isStopping = false
    var warnedAt: ContinuousClock.Instant?
    var refusedSinceWarning = 0
  }

  let limits: RPCLimits
  let perform: RPCServer.Perform
  let logger: Logger
  private let isAllowed: @Sendable (String) -> Bool
  private let state = Locked(State())

  init(
    limits: RPCLimits, isAllowed: @escaping @Sendable (String) -> Bool, perform: @escaping RPCServer.Perform,
    logger: Logger
  ) {
    self.limits = limits
    self.isAllowed = isAllowed
    self.perform = perform
    self.logger = logger
  }

  var counters: RPCState { state.withLock { $0.counters } }
  var connections: Int { state.withLock { $0.channels.count } }

  func count(_ change: (inout RPCState) -> Void) { state.withLock { change(&$0.counters) } }

  // MARK: Coming and going

  /// Whether a peer may speak at all. One that may not is counted, and warned of once a minute.
  func admits(_ address: String?) -> Bool {
    if let address, isAllowed(address) { return true }
    let now = ContinuousClock.now
    let told = state.withLock { state -> Int? in
      state.counters.refused += 1
      state.refusedSinceWarning += 1
      if let warnedAt = state.warnedAt, now - warnedAt < .seconds(60) { return nil }
      state.warnedAt = now
      defer { state.refusedSinceWarning = 0 }
      return state.refusedSinceWarning
    }
    if let told {
      logger.warning(
        "a peer was hung up on because of its address, see [Rpc] AllowFrom",
        metadata: ["peer": "\(address ?? "unknown")", LogKey.count: "\(told)"])
    }
    return false
  }

  enum Reception {
    case welcome, tooMany, stopping
  }

  func enter(_ channel: any Channel) -> Reception {
    state.withLock { state in
      if state.isStopping { return .stopping }
      // Those that are one too many stay for their farewell, and are bounded as well.
      guard state.channels.count < limits.connections * 2 else { return .stopping }
      let isTooMany = state.counters.connections >= limits.connections
      state.channels[ObjectIdentifier(channel)] = channel
      if isTooMany {
        state.counters.tooMany += 1
        return .tooMany
      }
      state.counters.connections += 1
      state.counters.accepted += 1
      return .welcome
    }
  }

  func leave(_ channel: any Channel, wasWelcome: Bool) {
    state.withLock { state in
      guard state.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
      if wasWelcome { state.counters.connections -= 1 }
    }
  }

  // MARK: What they hold

  /// A connection holds so many bytes more, or less.
  /// - Returns: whether all of them together stay within the limit.
  func hold(_ change: Int) -> Bool {
    state.withLock { state in
      state.heldBytes += change
      return state.heldBytes <= limits.heldBytes
    }
  }

  /// - Returns: false if too many commands are under way; otherwise ``endCommand()`` must follow.
  func beginCommand() -> Bool {
    state.withLock { state in
      guard state.counters.commandsUnderWay < limits.commands else { return false }
      state.counters.commandsUnderWay += 1
      return true
    }
  }

  func endCommand() { count { $0.commandsUnderWay -= 1 } }

  // MARK: Stopping

  /// Lets nobody in any more, and tells those who are there.
  func stop() {
    let channels = state.withLock { state in
      state.isStopping = true
      return Array(state.channels.values)
    }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(Stop()) }
  }

  /// Closes those that are left.
  func closeAll() {
    let channels = state.withLock { state in
      state.isStopping = true
      return Array(state.channels.values)
    }
    for channel in channels { channel.close(promise: nil) }
  }
}
