import MEDLoop

/// Where the engine that runs can be asked from anywhere.
final class EngineDoor: Sendable {
  /// What is let in runs on the loop; the engine itself never leaves it, not even for its end.
  private final class Room: @unchecked Sendable {  // why: `engine` is touched on the loop of `actor` alone
    let actor: LoopActor
    var engine: Engine?

    init(_ engine: Engine, _ actor: LoopActor) {
      self.engine = engine
      self.actor = actor
    }
  }

  private let room = Locked<Room?>(nil)

  /// Only on the loop.
  func open(_ engine: Engine, on actor: LoopActor) {
    let room = Room(engine, actor)
    self.room.withLock { $0 = room }
  }

  /// Only on the loop, before it ends.
  func close() {
    let room = self.room.withLock { room in
      defer { room = nil }
      return room
    }
    room?.engine = nil
  }

  /// Runs `body` on the engine's loop.
  /// - Returns: nil if no engine runs.
  @discardableResult
  func enter<Result: Sendable>(_ body: @Sendable (Engine) async -> Result) async -> Result? {
    guard let room = room.withLock({ $0 }) else { return nil }
    return await room.actor.run { _ in
      guard let engine = room.engine else { return nil }
      return await body(engine)
    }
  }
}
