import Foundation
import MEDCore
import MEDLoop
import MEDPush
import MEDTestSupport
import Testing

@testable import MEDCurl

@Suite("§5 Push: connections and handles")
struct PushConnectionTests {
  private let receiver: TestReceiver

  init() throws { receiver = try TestReceiver() }

  @Test(arguments: [1, 8])
  func `connections are kept alive: pushes use no more than run at once`(concurrency: Int) async throws {
    let url = receiver.url()
    try await withSession { actor, session in
      await repeated(200, atOnce: concurrency, on: actor) { _ in
        #expect(await session.push(.to(url, concurrency: concurrency)).status == 200)
      }
    }
    #expect(receiver.count() == 200)
    #expect(receiver.connections <= concurrency)
  }

  @Test func `1,000 pushes with 100 in flight are all answered, each with its own answer`() async throws {
    receiver.onAnyOther { .json($0.text) }
    let url = receiver.url()
    let answers = try await withSession { actor, session in
      let seen = Seen<Bool>()
      await repeated(1000, atOnce: 100, on: actor) { number in
        let answer = await session.push(.to("\(url)?jobid=\(number)", body: "\(number)", concurrency: 100))
        seen.values.append(answer.text == "\(number)")
      }
      return seen.values
    }
    #expect(answers.count == 1000)
    #expect(answers.allSatisfy { $0 })
    #expect(receiver.connections <= 100)
  }

  @Test func `a connection that the receiver closed meanwhile costs no push`() async throws {
    let url = receiver.url()
    let receiver = receiver
    try await withSession { actor, session in
      for _ in 0..<5 {
        #expect(await session.push(.to(url)).status == 200)
        receiver.closeIdleConnections()
      }
    }
    #expect(receiver.count() == 5)
  }

  @Test func `targets don't share handles, and switching between them loses no connection`() async throws {
    let other = try TestReceiver()
    let urls = [receiver.url("/a"), other.url("/b")]
    try await withSession { actor, session in
      for number in 0..<20 { #expect(await session.push(.to(urls[number % 2], body: "\(number)")).status == 200) }
    }
    #expect(receiver.requests.map(\.text) == (0..<10).map { "\($0 * 2)" })
    #expect(other.requests.map(\.text) == (0..<10).map { "\($0 * 2 + 1)" })
    #expect(receiver.connections == 1)
    #expect(other.connections == 1)
  }

  @Test func `descriptor numbers used again by others bring no transfer into confusion`() async throws {
    receiver.onAnyOther { request in
      switch request.text.utf8.reduce(0, { $0 &+ Int($1) }) % 5 {
      case 0: .json(request.text).closing()
      case 1: .json(request.text).delayed(.milliseconds(2))
      case 2: .hangUp
      case 3: .hang
      default: .json(request.text)
      }
    }
    let url = receiver.url()
    let wrong = try await withSession { actor, session in
      let wrong = Counter()
      await repeated(1500, atOnce: 30, on: actor) { number in
        let answer = await session.push(
          .to(url, body: "\(number)", timeout: .milliseconds(20 + number % 7), concurrency: 30))
        if let text = answer.text, text != "\(number)" { wrong.value += 1 }
        // Numbers that libcurl has closed are taken and given back by others all the time.
        let descriptor = open("/dev/null", O_RDONLY)
        if number % 3 == 0 { await Task.yield() }
        close(descriptor)
      }
      #expect(await session.push(.to(url, body: "\u{4}")).text == "\u{4}")
      return wrong.value
    }
    #expect(wrong == 0)
  }

  @Test func `closing leaves no descriptor behind`() async throws {
    let child = try await ChildTest.run("childClosesAll")
    #expect(child.hasPassed, "\(child.output)\(child.errors)")
  }

  @Test(.enabled(if: ChildTest.isHere("childClosesAll"))) func childClosesAll() async throws {
    let url = receiver.url()
    let receiver = receiver
    _ = try await push(.to(url))
    try await eventually("the receiver has closed, too") { receiver.openConnections == 0 }
    let before = openDescriptors()
    for _ in 0..<20 {
      try await withSession { actor, session in
        await repeated(50, atOnce: 25, on: actor) { _ in _ = await session.push(.to(url, concurrency: 25)) }
      }
    }
    // The runtime opens a few of its own whenever it first needs them; a session that leaves one behind leaves 20.
    try await eventually("as many are open as before") { openDescriptors() <= before + 8 }
  }

  /// Sanitizers keep a shadow of it, which grows.
  private static let isSanitized = ProcessInfo.processInfo.environment["SANITIZED"] != nil

  @Test(.disabled(if: isSanitized, "memory is measured without sanitizers"))
  func `memory stays flat over 20,000 pushes`() async throws {
    let child = try await ChildTest.run("childStaysFlat")
    #expect(child.hasPassed, "\(child.output)\(child.errors)")
  }

  @Test(.enabled(if: ChildTest.isHere("childStaysFlat"))) func childStaysFlat() async throws {
    let url = receiver.url()
    let receiver = receiver
    try await withSession { actor, session in
      var resident: [Int] = []
      for _ in 0..<5 {
        await repeated(4000, atOnce: 20, on: actor) { number in
          _ = await session.push(
            .to("\(url)?jobid=\(number)", headers: [("X-Jumei-Context", "\(number)")], concurrency: 20))
        }
        receiver.forget()
        resident.append(residentBytes())
      }
      // A hundred bytes lost per push would be 1.5 MB.
      #expect(resident[4] - resident[1] < 1_000_000, "\(resident)")
    }
  }

  private func residentBytes() -> Int {
    let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
  }

  private func openDescriptors() -> Int {
    (0..<4096).count { fcntl($0, F_GETFD) >= 0 }
  }
}

@Suite("HTTPClient")
struct HTTPClientTests {
  private let receiver: TestReceiver

  init() throws { receiver = try TestReceiver() }

  private func withClient<Value: Sendable>(
    _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
    _ body: @Sendable (isolated LoopActor, HTTPClient) async throws -> Value
  ) async throws -> Value {
    let loop = try EventLoop.start(name: "test")
    defer { loop.stop() }
    return try await LoopActor(loop: loop).run { actor in
      let client = HTTPClient(loop: actor.loop, configuration: configuration)
      defer { client.close() }
      return try await body(actor, client)
    }
  }

  @Test func `one handle makes all methods in turn, each with no more than belongs to it`() async throws {
    let url = receiver.url()
    try await withClient { actor, client in
      for method in [HTTPRequest.Method.post, .get, .put, .delete, .get, .post] {
        _ = await client.send(
          HTTPRequest(
            method, url: url, body: Array(method.rawValue.utf8), contentType: "text/plain", timeout: .seconds(20)))
      }
    }
    #expect(receiver.requests.map(\.method) == ["POST", "GET", "PUT", "DELETE", "GET", "POST"])
    #expect(receiver.requests.map(\.text) == ["POST", "", "PUT", "DELETE", "", "POST"])
    #expect(receiver.connections == 1)
  }

  @Test func `idle handles are bounded over all targets`() async throws {
    var configuration = HTTPClientConfiguration()
    configuration.maximumIdleHandles = 8
    let url = receiver.url()
    let idle = try await withClient(configuration) { actor, client in
      let most = Counter()
      await repeated(200, atOnce: 20, on: actor) { number in
        _ = await client.send(HTTPRequest(url: url, target: "\(number % 50)", timeout: .seconds(20)))
        most.value = max(most.value, client.idleHandleCount)
      }
      return most.value
    }
    #expect(idle == 8)
  }

  @Test func `idle targets are forgotten, and then no timer runs for them`() async throws {
    var configuration = HTTPClientConfiguration()
    configuration.idleTargetLifetime = .milliseconds(30)
    let url = receiver.url()
    try await withClient(configuration) { actor, client in
      for number in 0..<10 { _ = await client.send(HTTPRequest(url: url, target: "\(number)", timeout: .seconds(20))) }
      try await eventually("all targets and handles are forgotten") {
        client.targetCount == 0 && client.idleHandleCount == 0
      }
      guard case .answered = await client.send(HTTPRequest(url: url, timeout: .seconds(20))) else {
        Issue.record("no answer after that")
        return
      }
      try await eventually("the new target is forgotten as well") { client.targetCount == 0 }
    }
  }

  @Test func `idle connections of many targets are kept while these are known`() async throws {
    let receivers = try (0..<80).map { _ in try TestReceiver() }
    let urls = receivers.map { $0.url() }
    try await withClient { actor, client in
      for _ in 0..<2 {
        for url in urls { _ = await client.send(HTTPRequest(url: url, timeout: .seconds(20))) }
      }
    }
    #expect(receivers.map(\.connections) == Array(repeating: 1, count: 80))
  }
}
