import Logging
import MEDCore
import MEDLoop
import NIOCore

/// Who is connected to one server: peers are let in by address, counted, bounded, and told of a stop.
final class ConnectionRegister: Sendable {
  /// A stop was asked for: an idle client is hung up on, a busy one after its answer.
  struct Stop: Sendable {}

  /// Connections that are there, and what became of those that came.
  struct Counters: Sendable {
    var connections = 0
    var accepted = 0
    var refused = 0
    var tooMany = 0
  }

  private struct State {
    var counters = Counters()
    var channels: [ObjectIdentifier: any Channel] = [:]
    var heldBytes = 0
    var isStopping = false
    var warnedAt: ContinuousClock.Instant?
    var refusedSinceWarning = 0
  }

  /// Connections at once.
  let maximum: Int
  private let maximumBytes: Int
  private let isAllowed: @Sendable (String) -> Bool
  private let logger: Logger
  private let state = Locked(State())

  /// - Parameters:
  ///   - maximum: connections at once; further ones are told.
  ///   - maximumBytes: what all of them together may hold.
  ///   - isAllowed: whether a peer with this numeric address may speak.
  init(maximum: Int, maximumBytes: Int, isAllowed: @escaping @Sendable (String) -> Bool, logger: Logger) {
    self.maximum = maximum
    self.maximumBytes = maximumBytes
    self.isAllowed = isAllowed
    self.logger = logger
  }

  var counters: Counters { state.withLock { $0.counters } }
  /// Those included that are one too many and hear so.
  var connections: Int { state.withLock { $0.channels.count } }

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
      guard state.channels.count < maximum * 2 else { return .stopping }
      let isTooMany = state.counters.connections >= maximum
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
      return state.heldBytes <= maximumBytes
    }
  }

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
