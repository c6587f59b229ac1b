import MEDCore
import MEDLoop
import MEDPush

/// Runs `body` on a loop of its own, with a session there that is closed afterwards.
func withSession<Value: Sendable>(
  _ configuration: PushConfiguration = PushConfiguration(),
  _ body: @Sendable (isolated LoopActor, any PushSession) async throws -> Value
) async throws -> Value {
  let loop = try EventLoop.start(name: "test")
  defer { loop.stop() }
  return try await LoopActor(loop: loop).run { actor in
    let session = CurlPusher(configuration: configuration).open(on: actor)
    do {
      let value = try await body(actor, session)
      await session.close()
      return value
    } catch {
      await session.close()
      throw error
    }
  }
}

/// One push over a session of its own.
func push(_ request: PushRequest, _ configuration: PushConfiguration = PushConfiguration()) async throws -> PushAnswer {
  try await withSession(configuration) { actor, session in await session.push(request) }
}

extension PushRequest {
  /// A small one to `url`, with time enough.
  static func to(
    _ url: String, body: String = "message=%7B%7D", headers: [(name: String, value: String)] = [],
    timeout: Duration = .seconds(20), concurrency: Int = 1
  ) -> PushRequest {
    PushRequest(
      url: url, target: url, body: Array(body.utf8), headers: headers, timeout: timeout, concurrency: concurrency)
  }
}

extension PushAnswer {
  var status: Int? {
    if case .answered(let status, _, _, _) = self { return status }
    return nil
  }

  var text: String? {
    if case .answered(_, let body, _, _) = self { return String(decoding: body, as: UTF8.self) }
    return nil
  }

  var isTruncated: Bool? {
    if case .answered(_, _, let truncated, _) = self { return truncated }
    return nil
  }

  var retryAfter: String? {
    if case .answered(_, _, _, let retryAfter) = self { return retryAfter }
    return nil
  }

  var failure: PushFailure? {
    if case .failed(let failure) = self { return failure }
    return nil
  }
}

/// Runs `operation` on the loop for 0 ..< `count`, at most `limit` at a time, and waits for all.
func repeated(
  _ count: Int, atOnce limit: Int = 1, on actor: isolated LoopActor, _ operation: @escaping (Int) async -> Void
) async {
  let next = Counter()
  let tasks = (0..<limit).map { _ in
    actor.spawn {
      while next.value < count {
        next.value += 1
        await operation(next.value - 1)
      }
    }
  }
  for task in tasks { await task.value }
}

/// Counted on one loop.
final class Counter {
  var value = 0
}

/// What was seen on one loop.
final class Seen<Value> {
  var values: [Value] = []
}
