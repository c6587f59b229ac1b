import MEDCurl
import MEDLoop

/// HTTP requests of services that work beside the dispatcher, on a loop that isn't its own: whatever becomes of them holds up
/// no push.
final class HTTPCaller: Sendable {
  private struct Client: @unchecked Sendable { let http: HTTPClient }  // why: confined to the loop

  private enum State {
    case fresh
    case open(Client)
    case closed
  }

  private let configuration: HTTPClientConfiguration
  private let actor: LoopActor
  private let state = Locked(State.fresh)

  /// - Parameter loop: must not end before ``close()`` has returned.
  init(_ configuration: HTTPClientConfiguration, on loop: EventLoop) {
    self.configuration = configuration
    actor = LoopActor(loop: loop)
  }

  /// Makes one exchange. Cancelling the task ends it early.
  func send(_ request: HTTPRequest) async -> HTTPAnswer {
    await actor.run { actor in
      guard let http = client(on: actor) else { return .failed(HTTPFailure(.cancelled, "cancelled")) }
      return await http.send(request)
    }
  }

  /// Ends what is still running, and closes all connections. Nothing is sent any more.
  func close() async {
    await actor.run { _ in
      let last = state.withLock { state in
        defer { state = .closed }
        return state
      }
      if case .open(let client) = last { client.http.close() }
    }
  }

  private func client(on actor: isolated LoopActor) -> HTTPClient? {
    state.withLock { state in
      switch state {
      case .closed: return nil
      case .open(let client): return client.http
      case .fresh:
        let made = HTTPClient(loop: actor.loop, configuration: configuration)
        state = .open(Client(http: made))
        return made
      }
    }
  }
}
