import MEDLoop
import NIOCore

/// The connections of one server, so that they can be closed whatever their clients do. As many as the server's limit
/// lets in.
final class OpenConnections: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var isOver = false
  }

  private let state = Locked(State())

  func add(_ channel: any Channel) {
    let isOver = state.withLock { state in
      state.channels[ObjectIdentifier(channel)] = channel
      return state.isOver
    }
    if isOver { channel.close(promise: nil) }
  }

  func remove(_ channel: any Channel) {
    state.withLock { _ = $0.channels.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  /// Closes those that are open, and those that still come.
  func closeAll() {
    let channels = state.withLock { state in
      state.isOver = true
      return Array(state.channels.values)
    }
    for channel in channels { channel.close(promise: nil) }
  }
}
