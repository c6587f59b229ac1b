import Foundation
import Logging
import MEDCurl
import MEDLoop
import MEDTestSupport
import ServiceLifecycle
import Testing

@testable import MEDApp
@testable import MEDCore

@Suite("§12 Tubes are emptied on command", .showsServerOutput)
struct CleaningTests {
  private static let tube = "order_paid/sub-queue/1"

  /// Runs a cleaner, as the dispatcher does, while `body` runs.
  private func withCleaner(
    limit: Duration = .seconds(300), _ body: (TopicCleaner) async throws -> Void
  ) async throws {
    let cleaner = TopicCleaner(
      callbacks: HTTPClientConfiguration(), interval: .milliseconds(100), limit: limit,
      logger: Logger(label: "cleaning"))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await cleaner.run() }
      try await body(cleaner)
      group.cancelAll()
    }
  }

  private func request(_ servers: [BeanstalkdServer], _ tube: String, _ callback: String? = nil) throws -> CleanRequest
  {
    let known = try servers.map { try QueueServerAddress(parsing: $0.address) }
    return try CleanRequest(
      servers: known.map(\.description), topic: tube, callback: callback, known: known)
  }

  private func fill(_ server: BeanstalkdServer, ready: Int, delayed: Int = 0, buried: Int = 0) throws {
    let client = try server.client()
    for number in 0..<buried {
      try client.put("buried \(number)", into: Self.tube)
      if let job = try client.reserve(from: Self.tube) { try client.bury(job.id) }
    }
    for number in 0..<ready { try client.put("ready \(number)", into: Self.tube) }
    for number in 0..<delayed { try client.put("delayed \(number)", into: Self.tube, delay: 3600) }
  }

  @Test func `all servers are emptied, and the callback is told of progress and of the end`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    for server in servers {
      try fill(server, ready: 20_000, delayed: 100, buried: 100)
      try server.client().put("another's", into: "elsewhere")
    }
    let receiver = try TestReceiver()
    receiver.on("/told", .ok)
    try await withCleaner { cleaner in
      try await cleaner.begin(try request(servers, Self.tube, receiver.url("/told?job=7&state=old")))
      try await eventually("the end is told", within: .seconds(60)) {
        receiver.requests("/told").contains { $0.query.contains { $0.name == "state" && $0.value == "done" } }
      }
    }
    for server in servers { try #expect(server.jobs() == JobTotals(ready: 1)) }
    let told = receiver.requests("/told")
    #expect(told.allSatisfy { $0.method == "GET" && $0.query("job") == "7" })
    let states = told.compactMap { $0.query.last { $0.name == "state" }?.value }
    #expect(states.last == "done" && states.dropLast().contains("process"))
    #expect(states.count { $0 == "done" } == 1)
  }

  @Test func `a cleaning ends at its limit, with what is left still there, and says that it is over`() async throws {
    let server = try await BeanstalkdServer.start()
    try fill(server, ready: 20_000)
    let receiver = try TestReceiver()
    receiver.on("/told", .ok)
    try await withCleaner(limit: .zero) { cleaner in
      try await cleaner.begin(try request([server], Self.tube, receiver.url("/told")))
      try await eventually("the end is told") { receiver.requests("/told").contains { $0.query("state") == "done" } }
    }
    let left = try server.jobs()
    #expect(left.all > 0 && left.reserved == 0 && left.buried == 0)
  }

  @Test func `a callback that fails is tried three times`() async throws {
    let server = try await BeanstalkdServer.start()
    try fill(server, ready: 3)
    let receiver = try TestReceiver()
    receiver.on("/told", .status(500))
    try await withCleaner { cleaner in
      try await cleaner.begin(try request([server], Self.tube, receiver.url("/told")))
      try await eventually("it was tried three times", within: .seconds(30)) {
        receiver.requests("/told").count { $0.query("state") == "done" } == 3
      }
      try await eventually("another may begin") {
        (try? await cleaner.begin(try request([server], Self.tube))) != nil
      }
    }
    try #expect(server.jobs() == JobTotals())
  }

  @Test func `a server that is away doesn't keep others from being emptied`() async throws {
    let server = try await BeanstalkdServer.start()
    let away = try await BeanstalkdServer.start()
    try await away.stop()
    try fill(server, ready: 10)
    try await withCleaner { cleaner in
      try await cleaner.begin(try request([away, server], Self.tube))
      try await eventually("it is empty") { try server.jobs() == JobTotals() }
    }
  }

  @Test func `one tube is cleaned once at a time, and only some tubes`() async throws {
    let server = try await BeanstalkdServer.start()
    // Stands still, so that what begins doesn't end.
    let proxy = try FaultProxy(to: server)
    proxy.pause()
    let address = try QueueServerAddress(parsing: proxy.address)
    func request(_ tube: String) throws -> CleanRequest {
      try CleanRequest(servers: [address.description], topic: tube, callback: nil, known: [address])
    }
    try await withCleaner { cleaner in
      for number in 0..<TopicCleaner.bound { try await cleaner.begin(try request("tube-\(number)")) }
      await #expect(throws: ControlError.self) { try await cleaner.begin(try request("tube-0")) }
      await #expect(throws: ControlError.self) { try await cleaner.begin(try request("one-more")) }
    }
  }

  @Test func `a stop ends it at once, and nothing begins any more`() async throws {
    let server = try await BeanstalkdServer.start()
    try fill(server, ready: 30_000)
    let receiver = try TestReceiver()
    receiver.on("/told", .ok)
    let cleaner = TopicCleaner(
      callbacks: HTTPClientConfiguration(), interval: .milliseconds(10), logger: Logger(label: "cleaning"))
    let group = ServiceGroup(services: [cleaner], logger: Logger(label: "services"))
    let running = Task { try await group.run() }
    try await cleaner.begin(try request([server], Self.tube, receiver.url("/told")))
    try await eventually("it has begun") { !receiver.requests("/told").isEmpty }
    await group.triggerGracefulShutdown()
    try await running.value
    #expect(!receiver.requests("/told").contains { $0.query("state") == "done" })
    await #expect(throws: ControlError.self) { try await cleaner.begin(try request([server], Self.tube)) }
    #expect(try server.jobs().ready > 0)
  }

  @Test func `a stop waits for no server that hangs`() async throws {
    let server = try await BeanstalkdServer.start()
    try fill(server, ready: 30_000)
    let proxy = try FaultProxy(to: server)
    let receiver = try TestReceiver()
    receiver.on("/told", .ok)
    let cleaner = TopicCleaner(
      callbacks: HTTPClientConfiguration(), interval: .milliseconds(10), logger: Logger(label: "cleaning"))
    let hasEnded = MEDTestSupport.Locked(false)
    let running = Task {
      await cleaner.run()
      hasEnded.withLock { $0 = true }
    }
    let address = try QueueServerAddress(parsing: proxy.address)
    try await cleaner.begin(
      CleanRequest(
        servers: [address.description], topic: Self.tube, callback: receiver.url("/told"), known: [address]))
    try await eventually("it has begun") { !receiver.requests("/told").isEmpty }
    proxy.pause()
    // Nothing comes any more, so that only the reply time-out of 10 s would end it.
    let left = try server.jobs().ready
    running.cancel()
    try await eventually("it has ended", within: .seconds(5)) { hasEnded.withLock { $0 } }
    #expect(left > 0)
  }

  @Test(arguments: [
    ("http://h/p", "http://h/p?state=done"), ("http://h/p?", "http://h/p?state=done"),
    ("http://h/p?a=1", "http://h/p?a=1&state=done"), ("http://h/p?a=1&", "http://h/p?a=1&state=done"),
    ("http://h/p#x?y", "http://h/p?state=done#x?y"),
  ])
  func `the state is added to the query`(url: String, expected: String) {
    #expect(CleaningCallback.adding("state=done", to: url) == expected)
  }
}
