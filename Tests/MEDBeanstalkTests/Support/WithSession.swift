import MEDBeanstalk
import MEDCore
import MEDLoop
import MEDTestSupport

/// Runs `body` on a loop of its own with a session that is connected to `address`, and closes it.
func withSession<Result: Sendable>(
  _ address: String, _ configuration: BeanstalkConfiguration = .init(), waitForConnection: Bool = true,
  _ body: @Sendable (isolated LoopActor, BeanstalkServer) async throws -> Result
) async throws -> Result {
  let queue = try BeanstalkQueue(servers: [address], configuration: configuration)
  let loop = try EventLoop.start()
  defer { loop.stop() }
  return try await LoopActor(loop: loop).run { actor in
    let server = queue.connect(on: actor)[0]
    do {
      if waitForConnection { try await actor.waitUntil("connected to \(address)") { server.isFullyConnected } }
      let result = try await body(actor, server)
      await server.close(within: .seconds(2))
      return result
    } catch {
      await server.close(within: .zero)
      throw error
    }
  }
}

extension LoopActor {
  /// As `eventually`, for what may only be looked at on the loop.
  func waitUntil(
    _ claim: String, within limit: Duration = .seconds(20), _ condition: () async throws -> Bool
  ) async throws {
    let deadline = MonotonicDeadline(in: limit)
    while try await !condition() {
      if deadline.hasPassed { throw Missing(description: claim) }
      try await loop.sleep(for: .milliseconds(3))  // why: it polls
    }
  }
}

func tube(_ name: String) throws -> TubeName {
  guard let tube = TubeName(name) else { throw Missing(description: "\(name) is a tube name") }
  return tube
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension [PutOutcome] {
  /// The ids of those that were stored.
  var stored: [UInt64] {
    compactMap { if case .stored(let id) = $0 { id } else { nil } }
  }
}

/// What a test needs and didn't get.
struct Missing: Error, CustomStringConvertible {
  let description: String
}
