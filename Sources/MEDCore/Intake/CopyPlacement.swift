import MEDLoop

/// Puts one copy somewhere, whatever it takes: every server three times in all, with pauses between the rounds.
struct CopyPlacement {
  enum Outcome {
    case stored(ServerDesk)
    /// Not now, and not for the DATA log either: the job that is copied is still safe where it is.
    case mustWait
    /// Nobody will take it: for the DATA log.
    case refused(String)
  }

  static let noTube = "the topic gives no valid tube name"
  static let tooBig = "JOB_TOO_BIG"

  static let rounds = 3

  private let context: EngineContext

  init(_ context: EngineContext) { self.context = context }

  /// - Parameters:
  ///   - tube: nil if the topic gives no valid tube name.
  ///   - own: where the job is that is copied. While it can't be reached nothing is recorded: the buried job there is
  ///     the copy.
  ///   - preferred: tried first.
  ///   - tried: has just refused it, which counts as its first time.
  func place(
    _ body: [UInt8], in tube: TubeName?, delay: UInt32 = 0, own: ServerDesk, preferred: ServerDesk? = nil,
    tried: ServerDesk? = nil
  ) async -> Outcome {
    guard let tube else { return .refused(Self.noTube) }
    var reason = "no queue server can be reached"
    var pause = context.configuration.placementPause
    for round in 1...Self.rounds {
      for desk in context.desksToTry(first: preferred) where round > 1 || desk !== tried {
        switch await context.put([Put(tube: tube, body: body, delay: delay)], at: desk).first ?? .unavailable {
        case .stored: return .stored(desk)
        case .tooBig: return .refused(Self.tooBig)
        case .refused(let text): reason = text
        case .unanswered: reason = "the connection broke before the answer"
        case .unavailable: reason = "the queue server can't be reached"
        }
      }
      guard round < Self.rounds, !context.isStopping else { break }
      try? await context.actor.loop.sleep(for: pause)
      pause = pause * 4
    }
    return own.queue.isReachable && !context.isStopping ? .refused(reason) : .mustWait
  }
}
