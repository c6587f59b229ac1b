import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDAdmin

@Suite("§8 Admin API: what it answers")
struct APITests {
  @Test func `errors are JSON with a code, a message and the right status`() async throws {
    try await APIHarness().run { port in
      func expect(
        _ status: Int, _ code: String, _ method: String, _ path: String, _ body: String? = nil,
        token: String? = APIHarness.token, headers: [(String, String)] = [], line: SourceLocation = #_sourceLocation
      ) throws {
        let response = try APIHarness.send(method, port, path, body, token: token, headers: headers)
        #expect(response.status == status, "\(method) \(path): \(response.text)", sourceLocation: line)
        #expect(response.code == code, "\(method) \(path): \(response.text)", sourceLocation: line)
        #expect(!response.message.isEmpty, sourceLocation: line)
        #expect(response.header("cache-control") == "no-store", sourceLocation: line)
        #expect(response.header("x-content-type-options") == "nosniff", sourceLocation: line)
        #expect(response.header("content-type") == "application/json; charset=utf-8", sourceLocation: line)
        #expect(response.header("access-control-allow-origin") == nil, sourceLocation: line)
      }
      let api = "/api/v1"
      try expect(404, "not_found", "GET", "/nowhere")
      try expect(404, "not_found", "GET", "\(api)/subscriptions/7/nothing")
      try expect(405, "method_not_allowed", "PUT", "\(api)/subscriptions", "{}")
      try expect(405, "method_not_allowed", "DELETE", "\(api)/subscriptions/7/parameters")
      try expect(405, "method_not_allowed", "POST", "/livez", "{}")
      try expect(401, "unauthorized", "POST", "\(api)/cache/clear", "{}", token: nil)
      try expect(401, "unauthorized", "GET", "\(api)/config", token: "wrong")
      for id in ["0", "-1", "x", "2147483648", "99999999999999999999", "1e3", "%31"] {
        try expect(400, "bad_request", "GET", "\(api)/subscriptions/\(id)")
      }
      for query in [
        "limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "nothing=1", "status=gone", "topic=%ff", "a%",
      ] {
        try expect(400, "bad_request", "GET", "\(api)/subscriptions?\(query)")
      }
      try expect(400, "bad_request", "GET", "\(api)/failures?from=yesterday")
      try expect(400, "bad_request", "GET", "\(api)/queues?server=elsewhere:1")
      try expect(
        415, "unsupported_media_type", "POST", "\(api)/subscriptions", "{}", headers: [("Content-Type", "text/plain")])
      try expect(415, "unsupported_media_type", "POST", "\(api)/subscriptions")
      for body in ["{", "nothing", "{\"topic\":}", "\u{1}", "{} {}"] {
        try expect(400, "bad_request", "POST", "\(api)/subscriptions", body)
      }
      try expect(400, "bad_request", "POST", "\(api)/subscriptions", String(repeating: "[", count: 100_000))
      for body in [
        "[]", "1", "{\"topic\":1,\"urls\":[]}", "{\"topic\":\"t\"}", "{\"topic\":\"t\",\"urls\":[1]}", "{\"x\":1}",
      ] {
        try expect(422, "invalid", "POST", "\(api)/subscriptions", body)
      }
      try expect(422, "invalid", "POST", "\(api)/queues/kick", "{\"tube\":\"t\",\"count\":0}")
      try expect(422, "invalid", "POST", "\(api)/queues/clean", "{\"tube\":\"t\",\"servers\":[\"elsewhere:1\"]}")
      try expect(404, "not_found", "POST", "\(api)/queues/kick", "{\"tube\":\"t\"}")
      try expect(503, "unavailable", "POST", "\(api)/queues/clean", "{\"tube\":\"t\"}")
      try expect(503, "unavailable", "GET", "\(api)/subscriptions/7/parameters")
      try expect(503, "unavailable", "GET", "\(api)/statistics")
      try expect(503, "unavailable", "GET", "\(api)/state")
      try expect(503, "unavailable", "GET", "\(api)/alarm-defaults")
      try expect(503, "unavailable", "GET", "\(api)/alerts")
      try expect(503, "unavailable", "POST", "\(api)/subscriptions/7/alert-test")
      try expect(422, "invalid", "POST", "\(api)/subscriptions/7/alert-test", "{\"way\":\"sms\"}")
      for query in ["limit=0", "limit=201", "before=1"] {
        try expect(400, "bad_request", "GET", "\(api)/alerts?\(query)")
      }
      try expect(503, "unavailable", "GET", "/livez")
      try expect(404, "not_found", "GET", "\(api)/failures/100")
      try expect(409, "conflict", "POST", "\(api)/failures/1/retry")
      try expect(409, "conflict", "POST", "\(api)/failures/2/retry", "{}")
      try expect(422, "invalid", "POST", "\(api)/failures/3/retry")
    }
  }

  @Test func `a method that a path doesn't know is told those that it knows`() async throws {
    try await APIHarness().run { port in
      let response = try APIHarness.send("PUT", port, "/api/v1/subscriptions/7", "{}")
      #expect(response.header("allow") == "DELETE, GET, PATCH")
      #expect(try APIHarness.send("POST", port, "/api/v1/nothing", "{}").status == 404)
    }
  }

  @Test func `a page in a browser that leads its own name here reads nothing`() async throws {
    try await APIHarness().run { port in
      let page = try TCPClient(port: port)
      try page.write("GET /api/v1/config HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
      #expect(try page.readToEnd().hasPrefix("HTTP/1.1 403 "))
      let local = try TCPClient(port: port)
      try local.write("GET /api/v1/config HTTP/1.1\r\nHost: localhost:\(port)\r\nConnection: close\r\n\r\n")
      #expect(try local.readToEnd().hasPrefix("HTTP/1.1 200 "))
    }
  }

  @Test func `a body is taken to its bound, and past it refused or hung up on`() async throws {
    try await APIHarness().run { port in
      let bound = APICall.maximumBody
      let padding = String(repeating: " ", count: bound - 2)
      #expect(try APIHarness.send("POST", port, "/api/v1/subscriptions", "{}" + padding).status == 422)
      let over = try APIHarness.send("POST", port, "/api/v1/subscriptions", "{} " + padding)
      #expect(over.status == 413 && over.code == "too_large")
      // Without a length that could be judged.
      let chunked = try TCPClient(port: port)
      try? chunked.write(
        "POST /api/v1/subscriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(APIHarness.token)\r\n"
          + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
      let part = "10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n"
      for _ in 0..<64 { do { try chunked.write(part) } catch { break } }
      let answer = try chunked.readToEndOrReset()
      #expect(answer.isEmpty || answer.contains(" 413 "))
      #expect(try APIHarness.send(port, "/healthz").status == 200)
    }
  }

  @Test func `a client that sends its request slowly is hung up on`() async throws {
    var harness = APIHarness()
    harness.limits.exchange = .milliseconds(300)
    try await harness.run { port in
      let slow = try TCPClient(port: port)
      try slow.write(
        "POST /api/v1/subscriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(APIHarness.token)\r\n"
          + "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
      #expect(try slow.readToEndOrReset().isEmpty)
    }
  }

  @Test func `healthz is always 200, readyz says why not`() async throws {
    try await APIHarness().run { port in
      let health = try APIHarness.send(port, "/healthz")
      #expect(health.status == 200)
      #expect(health.json?["status"] == "down")
      let ready = try APIHarness.send(port, "/readyz")
      #expect(ready.status == 503)
      #expect(
        ready.json?["problems"] == [["kind": "not_running", "subject": "", "message": "the dispatcher isn't running"]])
    }
    var harness = APIHarness()
    harness.change = { sources in
      sources.isTurning = { true }
      sources.summary = {
        var state = DispatcherState()
        state.directory.secondsSinceRefresh = 1
        state.queueServers = [QueueServerState()]
        state.queueServers[0].address = "a:1"
        state.queueServers[0].isReachable = true
        return state
      }
    }
    try await harness.run { port in
      #expect(try APIHarness.send(port, "/livez").status == 200)
      let ready = try APIHarness.send(port, "/readyz")
      #expect(ready.status == 503)
      #expect(ready.json?["problems"]?.first?["kind"] == "main_queue")
      #expect(try APIHarness.send(port, "/healthz").json?["status"] == "degraded")
    }
  }

  @Test func `a loop that hangs is told, and its probes don't pile up`() async throws {
    var harness = APIHarness()
    harness.limits.connections = 100
    harness.change = { $0.isTurning = { await withUnsafeContinuation { (_: UnsafeContinuation<Bool, Never>) in } } }
    try await harness.run { port in
      try await withThrowingTaskGroup(of: PlainHTTP.Response.self) { group in
        for _ in 0..<4 { group.addTask { try APIHarness.send(port, "/livez") } }
        for try await response in group { #expect(response.status == 503 && response.code == "unavailable") }
      }
      #expect(try APIHarness.send(port, "/openapi.json").status == 200)
    }
  }

  @Test func `work that nobody can end is bounded`() async throws {
    let limit = TimeLimit()
    for _ in 0..<TimeLimit.bound {
      let value = await limit.value(within: .milliseconds(1)) {
        await withUnsafeContinuation { (_: UnsafeContinuation<Bool, Never>) in }
      }
      #expect(value == nil)
    }
    #expect(await limit.value(within: .seconds(60)) { true } == nil)
  }

  @Test func `a row is shown with its message as it is`() async throws {
    try await APIHarness().run { port in
      let row = try APIHarness.send(port, "/api/v1/failures/3")
      #expect(row.text.hasSuffix(#","message":{"a":[1.0,123456789012345678901]}}"#))
      let broken = try APIHarness.send(port, "/api/v1/failures/4")
      #expect(broken.json?["message"] == .null && broken.json?["message_text"] == "not JSON")
    }
  }

  @Test func `cleaning begins, on all servers unless some are named`() async throws {
    let cleaner = NotingCleaner()
    var harness = APIHarness()
    harness.change = { $0 = APIHarness.sources(cleaner: cleaner) }
    try await harness.run { port in
      let all = try APIHarness.send("POST", port, "/api/v1/queues/clean", #"{"tube":"t/1"}"#)
      #expect(all.status == 202)
      #expect(all.json == ["tube": "t/1", "servers": ["127.0.0.1:11300"], "status": "begun"])
      let one = #"{"tube":"t/2","servers":["127.0.0.1:11300"],"callback":"http://panel/done?id=7"}"#
      #expect(try APIHarness.send("POST", port, "/api/v1/queues/clean", one).status == 202)
      for wrong in [#"{"tube":"no tube"}"#, #"{"tube":"t","callback":"ftp://a"}"#, #"{"tube":"t","servers":[]}"#] {
        #expect(try APIHarness.send("POST", port, "/api/v1/queues/clean", wrong).status == 422, "\(wrong)")
      }
    }
    let requests = cleaner.requests.withLock { $0 }
    #expect(requests.map(\.tube.description) == ["t/1", "t/2"])
    #expect(requests.map(\.callback) == [nil, "http://panel/done?id=7"])
  }

  @Test func `queues that can't be asked are named`() async throws {
    try await APIHarness().run { port in
      let page = try APIHarness.send(port, "/api/v1/queues")
      #expect(page.status == 200)
      #expect(page.json?["servers"]?.first?["error"] == "it can't be reached")
      #expect(page.json?["queues"] == [])
    }
  }

  @Test(
    arguments: [
      ([.watched], 0, 409), ([.noSuchTube], 0, 404), ([.failed], 0, 503), ([.kicked, .noSuchTube], 2, 200),
      ([.watched, .kicked], 2, 200), ([.unfinished], 2, 200),
    ] as [([AdminKickResult.Outcome], Int, Int)])
  func `a kick that did nothing is an error, one that did something tells what`(
    outcomes: [AdminKickResult.Outcome], kicked: Int, status: Int
  ) async throws {
    var harness = APIHarness()
    harness.change = { sources in
      sources.queues = NoQueues(
        results: outcomes.map {
          .init(server: "a:1", outcome: $0, buried: 2, kicked: $0 == .kicked || $0 == .unfinished ? 2 : 0, message: "")
        })
    }
    try await harness.run { port in
      let response = try APIHarness.send("POST", port, "/api/v1/queues/kick", #"{"tube":"t"}"#)
      #expect(response.status == status)
      if status == 200 {
        #expect(response.json?["kicked"] == .integer(kicked))
        #expect(response.json?["complete"] == .boolean(Set(outcomes).isSubset(of: [.kicked, .noSuchTube])))
      }
    }
  }
}

extension JSONValue {
  var first: JSONValue? { if case .array(let elements) = self { elements.first } else { nil } }
}
