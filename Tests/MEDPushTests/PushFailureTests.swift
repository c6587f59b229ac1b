import MEDCore
import MEDLoop
import MEDPush
import MEDTestSupport
import Testing

@Suite("§5 Push: failures")
struct PushFailureTests {
  private let receiver: TestReceiver

  init() throws { receiver = try TestReceiver() }

  /// The failure of one push, and how long it took.
  private func failure(
    _ request: PushRequest, _ configuration: PushConfiguration = PushConfiguration()
  ) async throws -> (PushFailure, Duration) {
    let start = ContinuousClock.now
    let answer = try await push(request, configuration)
    return (try #require(answer.failure, "\(answer)"), .now - start)
  }

  @Test func `the deadline covers the last byte of a dripping answer`() async throws {
    receiver.on("/", .ok.dripping(1, every: .milliseconds(50)))
    let (failure, elapsed) = try await failure(.to(receiver.url(), timeout: .milliseconds(400)))
    #expect(failure.kind == .timedOut)
    #expect(elapsed >= .milliseconds(400))
  }

  @Test func `a receiver that hangs is given up at the deadline`() async throws {
    receiver.on("/", .hang)
    let (failure, elapsed) = try await failure(.to(receiver.url(), timeout: .milliseconds(200)))
    #expect(failure.kind == .timedOut)
    #expect(elapsed >= .milliseconds(200))
  }

  @Test func `a time-out below a millisecond is one, not none`() async throws {
    receiver.on("/", .hang)
    #expect(try await failure(.to(receiver.url(), timeout: .zero)).0.kind == .timedOut)
  }

  @Test func `a receiver that hangs holds up no other push`() async throws {
    receiver.on("/hang", .hang)
    let hang = receiver.url("/hang")
    let fine = receiver.url("/fine")
    try await withSession { actor, session in
      let hanging = actor.spawn { _ = await session.push(.to(hang)) }
      for _ in 0..<20 { #expect(await session.push(.to(fine)).status == 200) }
      hanging.cancel()
      await hanging.value
    }
    #expect(receiver.count("/hang") == 1)
  }

  @Test func `nobody listening is refused`() async throws {
    receiver.refuse()
    #expect(try await failure(.to(receiver.url())).0.kind == .refused)
  }

  @Test func `a name that can't be resolved is unresolved`() async throws {
    let (failure, _) = try await failure(.to("http://subscriber.invalid/x"))
    #expect(failure.kind == .unresolved)
    #expect(failure.message.contains("subscriber.invalid"))
  }

  @Test(arguments: [
    "ftp://127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: 1", "x", "",
  ])
  func `a URL that is none, or of another scheme, is invalid`(url: String) async throws {
    #expect(try await failure(.to(url)).0.kind == .invalidURL)
  }

  @Test(arguments: ["http://127.0.0.1:99999/", "http://[::1/", "http://:80/"])
  func `a URL that libcurl can't read is invalid`(url: String) async throws {
    #expect(try await failure(.to(url)).0.kind == .invalidURL)
  }

  @Test(arguments: [0, 1, 10, 40, 60])
  func `a connection closed in mid-answer is a protocol error`(bytes: Int) async throws {
    receiver.on("/", .ok.cut(after: bytes))
    #expect(try await failure(.to(receiver.url())).0.kind == .protocolError)
  }

  @Test func `an answer that isn't HTTP is a protocol error`() async throws {
    let server = try RawServer(reply: Array("SSH-2.0-OpenSSH_9.2\r\n".utf8))
    #expect(try await failure(.to("http://127.0.0.1:\(server.port)/")).0.kind == .protocolError)
  }

  @Test func `TLS with a server that doesn't speak it is a TLS failure`() async throws {
    let server = try RawServer(reply: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
    #expect(try await failure(.to("https://127.0.0.1:\(server.port)/")).0.kind == .tls)
  }

  @Test func `an address in a denied network is never connected to`() async throws {
    var configuration = PushConfiguration()
    configuration.denyNetworks = ["127.0.0.0/8"].compactMap(NetworkRange.init)
    for host in ["127.0.0.1", "2130706433", "0x7f.1"] + (RawServer.hasIPv6 ? ["[::ffff:127.0.0.1]"] : []) {
      let (failure, _) = try await failure(.to("http://\(host):\(receiver.port)/"), configuration)
      #expect(failure.kind == .deniedAddress, "\(host): \(failure)")
    }
    #expect(receiver.connections == 0)
  }

  @Test func `cloud metadata is denied unless configured otherwise`() async throws {
    #expect(try await failure(.to("http://169.254.169.254/latest/meta-data")).0.kind == .deniedAddress)
  }

  @Test func `failures name no user and no password`() async throws {
    receiver.refuse()
    let (refused, _) = try await failure(.to("http://bob:s3cret@127.0.0.1:\(receiver.port)/"))
    let (unresolved, _) = try await failure(.to("http://bob:s3cret@subscriber.invalid/"))
    for failure in [refused, unresolved] {
      #expect(!failure.message.contains("s3cret") && !failure.message.contains("bob"))
    }
  }

  @Test func `cancelling the task ends the exchange and closes its connection`() async throws {
    receiver.hold("/")
    let url = receiver.url()
    let receiver = receiver
    let kind = try await withSession { actor, session in
      let seen = Seen<PushFailure.Kind?>()
      let task = actor.spawn { seen.values.append(await session.push(.to(url)).failure?.kind) }
      try await receiver.waitFor(count: 1)
      // The answer is held: without the cancellation it would never end.
      task.cancel()
      await task.value
      try await eventually("the connection is closed") { receiver.openConnections == 0 }
      return seen.values
    }
    #expect(kind == [.cancelled])
  }

  @Test func `a task that is cancelled already makes no exchange`() async throws {
    let url = receiver.url()
    let kind = try await withSession { actor, session in
      let seen = Seen<PushFailure.Kind?>()
      let task = actor.spawn { seen.values.append(await session.push(.to(url)).failure?.kind) }
      task.cancel()
      await task.value
      return seen.values
    }
    #expect(kind == [.cancelled])
    #expect(receiver.count() == 0)
  }

  @Test func `closing the session ends what is in flight`() async throws {
    receiver.hold("/")
    let url = receiver.url()
    let receiver = receiver
    let kinds = try await withSession { actor, session in
      let seen = Seen<PushFailure.Kind?>()
      let tasks = (0..<20).map { _ in
        actor.spawn { seen.values.append(await session.push(.to(url, concurrency: 20)).failure?.kind) }
      }
      try await receiver.waitFor(count: 20)
      await session.close()
      for task in tasks { await task.value }
      seen.values.append(await session.push(.to(url)).failure?.kind)
      return seen.values
    }
    #expect(kinds == Array(repeating: .cancelled, count: 21))
    try await eventually("all connections are closed") { receiver.openConnections == 0 }
  }
}
