import Logging
import MEDCore
import MEDLoop

/// Pushes messages over HTTP by libcurl.
///
/// The engine opens a session on its own loop (``open(on:)``). Whoever only wants to push calls ``push(_:)`` from
/// anywhere: the first call starts a loop that belongs to this value and its copies, and ends with the last of them.
public struct CurlPusher: Pusher {
  /// How pushes are made.
  public let configuration: PushConfiguration
  private let logger: Logger
  private let own: OwnSession

  /// A pusher; nothing is started before the first push.
  public init(
    configuration: PushConfiguration = PushConfiguration(), logger: Logger = Logger(label: "medispatcher.push")
  ) {
    self.configuration = configuration
    self.logger = logger
    own = OwnSession(configuration: configuration, logger: logger)
  }

  /// A session on the loop of `actor`, for the engine.
  public func open(on actor: isolated LoopActor) -> any PushSession {
    CurlPushSession(loop: actor.loop, configuration: configuration, logger: logger)
  }

  /// One push, from any context. Never throws: everything that can go wrong is an answer.
  public func push(_ request: PushRequest) async -> PushAnswer {
    await own.push(request)
  }
}

/// A session on a loop of its own, which the first push starts.
private final class OwnSession: Sendable {
  private let configuration: PushConfiguration
  private let logger: Logger
  private let actor = Locked<LoopActor?>(nil)
  private let place = Place()

  /// Where the session is, once it was needed.
  private final class Place: @unchecked Sendable {  // why: touched on the loop alone
    var session: CurlPushSession?
  }

  init(configuration: PushConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  deinit {
    guard let loop = actor.withLock({ $0?.loop }) else { return }
    let place = place
    loop.submit {
      place.session?.end()
      place.session = nil
    }
    loop.stop()
  }

  func push(_ request: PushRequest) async -> PushAnswer {
    do {
      return try await started().run { actor in await self.session(on: actor).push(request) }
    } catch {
      return .failed(PushFailure(.other, "no loop could be started: \(error)"))
    }
  }

  private func started() throws -> LoopActor {
    try actor.withLock { actor in
      if let actor { return actor }
      let started = LoopActor(loop: try EventLoop.start(name: "push"))
      actor = started
      return started
    }
  }

  private func session(on actor: isolated LoopActor) -> CurlPushSession {
    if let session = place.session { return session }
    let session = CurlPushSession(loop: actor.loop, configuration: configuration, logger: logger)
    place.session = session
    return session
  }
}
