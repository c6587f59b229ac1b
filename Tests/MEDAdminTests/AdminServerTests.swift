import Foundation
import Logging
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDAdmin

/// A machine that runs other tests may keep a client waiting.
private let patience = Duration.seconds(60)

/// A server on a port of its own, for as long as `body` takes, then stopped as a process stops.
private func withServer(
  limits: AdminLimits = .init(), state: @escaping @Sendable () async -> DispatcherState? = { DispatcherState() },
  _ body: @escaping @Sendable (UInt16) async throws -> Void
) async throws {
  let server = AdminServer(
    "DebugAddr", host: "127.0.0.1", port: 0, groups: [DebugRoutes(state)], limits: limits, logger: .silent)
  try await serve(server, within: patience, body)
}

extension Logger {
  fileprivate static var silent: Logger { APIHarness.silent }
}

@Suite("§17 DebugAddr")
struct DebugServerTests {
  private static var example: DispatcherState {
    var state = DispatcherState()
    state.version = "1.2.3"
    state.counters.received = 17
    state.queueServers = [QueueServerState()]
    state.queueServers[0].address = "127.0.0.1:11300"
    var lane = LaneState()
    lane.topic = "a \"topic\"\n/é"
    lane.kind = .retry
    lane.rates.pushesLast10Seconds = 5
    state.lanes.listed = [lane]
    state.directory.secondsSinceRefresh = 1.5
    state.dataLog = DataLogState()
    return state
  }

  private static var dateFormat: DateFormatter {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    format.timeZone = TimeZone(secondsFromGMT: 0)
    return format
  }

  @Test(arguments: ["/", "/debug", "/debug?pretty", "/?pretty=1"])
  func `GET gives the state as JSON`(path: String) async throws {
    try await withServer(state: { Self.example }) { port in
      let response = try PlainHTTP.send(port: port, path: path, timeout: patience)
      #expect(response.status == 200)
      #expect(response.headers.contains { $0.name == "content-type" && $0.value.hasPrefix("application/json") })
      #expect(response.headers.contains { $0.name == "cache-control" && $0.value == "no-store" })
      let date = try #require(response.headers.first { $0.name == "date" }?.value)
      let seconds = try #require(Self.dateFormat.date(from: date)).timeIntervalSinceNow
      #expect((-120...1).contains(seconds))
      #expect(try DispatcherState(json: response.body) == Self.example)
      #expect(response.text.contains("\n") == path.contains("pretty"))
      let object = try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
      let lanes = try #require((object["lanes"] as? [String: Any])?["listed"] as? [[String: Any]])
      #expect((lanes[0]["rates"] as? [String: Any])?["pushes_last10_seconds"] as? Int == 5)
    }
  }

  @Test(arguments: ["POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "PROPFIND"])
  func `any other method gets 405`(method: String) async throws {
    try await withServer { port in
      let response = try PlainHTTP.send(method, port: port, path: "/debug", timeout: patience)
      #expect(response.status == 405)
      #expect(response.headers.contains { $0.name == "allow" && $0.value == "GET" })
    }
  }

  @Test func `another path gets 404, and a dispatcher that isn't running 503`() async throws {
    try await withServer(state: { nil }) { port in
      let elsewhere = try PlainHTTP.send(port: port, path: "/debug/x", timeout: patience)
      #expect(elsewhere.status == 404)
      #expect(try PlainHTTP.send(port: port, path: "/debug", timeout: patience).status == 503)
    }
  }

  @Test func `however many ask at once, the dispatcher is asked seldom`() async throws {
    let asked = Locked(0)
    let state: @Sendable () async -> DispatcherState? = {
      asked.withLock { $0 += 1 }
      return DispatcherState()
    }
    let source = StateSource(state)
    let began = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<500 { group.addTask { _ = await source.json(isPretty: index % 2 == 0) } }
    }
    let passed = ContinuousClock.now - began
    #expect(asked.withLock { $0 } <= 2 + Int(passed / StateSource.freshness))
  }
}

@Suite("§17 HTTP servers: what clients may take")
struct AdminLimitTests {
  private static func limits(_ change: (inout AdminLimits) -> Void) -> AdminLimits {
    var limits = AdminLimits()
    change(&limits)
    return limits
  }

  @Test func `a client that says nothing, or says it slowly, is hung up on`() async throws {
    try await withServer(limits: Self.limits { $0.exchange = .milliseconds(200) }) { port in
      let idle = try TCPClient(port: port)
      let slow = try TCPClient(port: port)
      try slow.write("GET /debug HTTP/1.1\r\nHost: x\r\n")
      #expect(try idle.readToEnd().isEmpty)
      #expect(try slow.readToEnd().isEmpty)
    }
  }

  @Test func `the clock starts anew with each answer`() async throws {
    try await withServer { port in
      let client = try TCPClient(port: port)
      for _ in 0..<3 {
        try client.write("GET /debug HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.readHead().contains("HTTP/1.1 200"))
      }
    }
  }

  @Test func `a head or a body that is too long ends the connection`() async throws {
    try await withServer(limits: Self.limits { $0.exchange = .seconds(60) }) { port in
      let head = try TCPClient(port: port)
      try? head.write("GET /debug HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "x", count: 1 << 20))\r\n\r\n")
      let answer = try head.readToEndOrReset()
      #expect(!answer.contains("HTTP/1.1 200"))
      let body = try TCPClient(port: port)
      try? body.write("GET /debug HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
      let part = String(repeating: "x", count: 1 << 16)
      var isClosed = false
      for _ in 0..<1500 where !isClosed { do { try body.write(part) } catch { isClosed = true } }
      #expect(isClosed)
      #expect(try PlainHTTP.send(port: port, path: "/debug", timeout: patience).status == 200)
    }
  }

  @Test func `connections past the bound wait until one ends`() async throws {
    try await withServer(limits: Self.limits { ($0.connections, $0.exchange) = (4, .seconds(60)) }) { port in
      var clients: [TCPClient] = []
      for _ in 0..<4 {
        let client = try TCPClient(port: port)
        try client.write("GET /debug HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.readHead().contains("HTTP/1.1 200"))
        clients.append(client)
      }
      let late = try TCPClient(port: port)
      try late.write("GET /debug HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(!late.hasAnswer(within: .milliseconds(200)))
      clients.removeFirst()
      #expect(try late.readHead().hasPrefix("HTTP/1.1 200"))
    }
  }

  @Test func `it ends while clients are idle, in the middle of a request, and don't read`() async throws {
    let clients = Locked<[TCPClient]>([])
    var limits = AdminLimits()
    limits.exchange = .seconds(600)
    var large = DispatcherState()
    large.lanes.listed = Array(repeating: LaneState(), count: 10_000)
    try await withServer(limits: limits, state: { [large] in large }) { port in
      let idle = try TCPClient(port: port)
      let begun = try TCPClient(port: port)
      try begun.write("GET /debug HTTP/1.1\r\nHost: x\r\nX: ")
      let deaf = try TCPClient(port: port)
      for _ in 0..<20 { try deaf.write("GET /debug HTTP/1.1\r\nHost: x\r\n\r\n") }
      #expect(deaf.hasAnswer(within: patience))
      clients.withLock { $0 = [idle, begun, deaf] }
    }
    // Its end is the claim: without closing them it would last ten minutes.
  }

  @Test func `an address in use is named with its key`() async throws {
    try await withServer { port in
      let second = AdminServer(
        "DebugAddr", host: "127.0.0.1", port: Int(port), groups: [DebugRoutes { nil }], logger: .silent)
      let error = await #expect(throws: AdminServerError.self) { try await second.run() }
      #expect(error?.description.hasPrefix("DebugAddr: can't listen on 127.0.0.1:\(port): ") == true)
    }
  }
}
