import MEDLoop
import Testing

@testable import MEDCore

@Suite("§5 §6 What follows from a push, over queues in memory")
struct PushOutcomeTests {
  /// Runs until one failed message lies in the retry channel with a delay.
  /// - Returns: that delay, in seconds.
  private func delay(status: Int, retryAfter: String?) async throws -> UInt32 {
    var harness = EngineHarness(answer: { _ in
      .answered(status: status, body: [], truncated: false, retryAfter: retryAfter)
    })
    harness.configuration.retrySchedule = RetrySchedule(coefficient: 10, maximumRetries: 5)
    harness.publish([1])
    try await harness.run { state in
      state.total == 1 && state.jobs[0].values.contains { $0.tube == EngineHarness.retry1 }
    }
    return try #require(harness.queue.state.withLock { $0.jobs[0].values.first?.delay })
  }

  @Test(arguments: [
    (429, "120", 120 as UInt32), (503, "120", 120), (503, "7", 10), (429, nil, 10), (500, "120", 10), (200, "120", 10),
    (429, "999999", 86_400), (503, "Tue, 01 Jan 2999 00:00:00 GMT", 86_400),
    (503, "Sunday, 06-Nov-94 08:49:37 GMT", 10), (503, "Sun Nov  6 08:49:37 1994", 10), (429, "later", 10),
  ])
  func `Retry-After of 429 and 503 lengthens the delay, to a day, and never shortens it`(
    status: Int, retryAfter: String?, seconds: UInt32
  ) async throws {
    #expect(try await delay(status: status, retryAfter: retryAfter) == seconds)
  }

  private func harness(
    _ lines: String, parameters: [String: String] = [:], answer: @escaping @Sendable (PushRequest) -> PushAnswer
  ) -> EngineHarness {
    var harness = EngineHarness(answer: answer)
    harness.subscriptions = FixedSubscriptions([
      Subscription(id: 1, topic: "t", receptionChannel: lines, parameters: parameters)
    ])
    return harness
  }

  @Test func `a URL that refuses is passed over while another is healthy`() async throws {
    let harness = harness("http://a/\nhttp://b/") { request in
      request.target == "http://a/" ? .failed(PushFailure(.refused, "refused")) : .ok
    }
    harness.publish(Array(0..<50))
    try await harness.run { $0.total == 0 }
    let urls = harness.pusher.state.withLock { $0.urls }
    // One push of the channel found out, one of the retry channel perhaps; seconds later another would try.
    #expect((1...10).contains(urls.count { $0.hasPrefix("http://a/") }))
    #expect(urls.count { $0.hasPrefix("http://b/") } == 50)
  }

  @Test(arguments: [PushFailure.Kind.deniedAddress, .tls, .unresolved, .timedOut])
  func `other failures don't take a URL out of its turn: they are to be seen`(kind: PushFailure.Kind) async throws {
    let harness = harness("http://a/\nhttp://b/") { request in
      request.target == "http://a/" ? .failed(PushFailure(kind, "\(kind)")) : .ok
    }
    harness.publish(Array(0..<40))
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.count { $0.hasPrefix("http://a/") } } >= 20)
  }

  @Test func `the only URL is used however often it refuses`() async throws {
    let harness = harness("http://a/") { _ in .failed(PushFailure(.refused, "refused")) }
    harness.publish([1, 2, 3])
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.count } == 9)
    #expect(harness.log.records.count { $0.kind == .exhausted } == 3)
  }

  @Test(arguments: [
    (PushAnswer.error500, "HTTP status 500"),
    (
      .answered(status: 200, body: Array("oops".utf8), truncated: false, retryAfter: nil),
      "HTTP status 200, but the answer"
    ),
    (.failed(PushFailure(.tls, "the certificate has expired")), "the certificate has expired"),
  ])
  func `the reason of a failure names target, status and cause, and no password`(
    answer: PushAnswer, cause: String
  ) async throws {
    let harness = harness("http://bob:s3cret@a/in") { _ in answer }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    let record = try #require(harness.log.records.first { $0.kind == .exhausted })
    #expect(record.reason?.contains("http://***@a/in: \(cause)") == true, "\(record.reason ?? "")")
    let line = "\(harness.log.records)"
    #expect(!line.contains("s3cret") && !line.contains("bob"))
    // Where it must be, it is.
    #expect(harness.pusher.state.withLock { $0.urls.allSatisfy { $0.hasPrefix("http://bob:s3cret@a/in?") } })
  }

  @Test(arguments: ["", "[T_ENV:blue] http://b/", "nowhere", "[T_ENV:]"])
  func `without a URL that qualifies every message is recorded as DROPPED, and none pushed`(lines: String) async throws
  {
    let harness = harness(lines) { _ in .ok }
    harness.publish([1, 2, 3])
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.isEmpty })
    let records = harness.log.records
    #expect(records.count == 3)
    #expect(records.allSatisfy { $0.kind == .dropped && $0.reason == "the subscription has no URL to push to" })
    #expect(records.allSatisfy { $0.subscription == 1 && $0.payload?.isEmpty == false })
  }

  @Test func `RECEPTION_ENV chooses the tagged URLs`() async throws {
    var harness = harness("http://a/\n[T_ENV:Blue] http://b/") { _ in .ok }
    harness.configuration.receptionEnvironment = "blue"
    harness.publish(Array(0..<10))
    try await harness.run { $0.total == 0 }
    #expect(harness.pusher.state.withLock { $0.urls.allSatisfy { $0.hasPrefix("http://b/") } })
  }

  @Test func `PayloadFormat and SigningSecret reach the pusher`() async throws {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    let isSigned = Locked<[Bool]>([])
    let harness = harness(
      "http://a/", parameters: ["PayloadFormat": "json", "SigningSecret": secret]
    ) { request in
      isSigned.withLock { $0.append(request.signing?.keys == SigningKeys(secret)) }
      return .ok
    }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    #expect(isSigned.withLock { $0 } == [true])
    #expect(harness.pusher.state.withLock { $0.bodies } == ["1"])
    #expect(harness.log.records.first { $0.kind == .sent } != nil)
    #expect(!"\(harness.log.records)".contains(secret))
  }
}
