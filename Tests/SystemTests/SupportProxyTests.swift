import MEDTestSupport
import Testing

@Suite("Test support: the fault proxy", .showsServerOutput)
struct FaultProxyTests {
  @Test func `it carries what it isn't told to break`() async throws {
    let (server, proxy) = try await start()
    let client = try PlainBeanstalk(port: proxy.port)
    let body = [UInt8](repeating: 7, count: 500_000)
    let id = try client.put(body, into: "a")
    #expect(try client.peek(id) == body)
    #expect(proxy.connections == 1)
    #expect(proxy.openConnections == 1)
    #expect(proxy.bytes(.toServer) > 500_000)
    #expect(try server.jobs() == JobTotals(ready: 1))
  }

  @Test func `it cuts in the middle of a reply, after so many bytes, once`() async throws {
    let (server, proxy) = try await start()
    let id = try server.client().put("0123456789", into: "a")
    proxy.add(.cut(after: 16, .toClient))
    let client = try PlainBeanstalk(port: proxy.port)
    // why: `FOUND 1 10` and its line end are 12 bytes
    #expect(try client.ask("peek \(id)") == ["FOUND", "1", "10"])
    #expect(throws: (any Error).self) { try client.ask("stats") }
    #expect(proxy.bytes(.toClient) == 16)
    #expect(proxy.cuts == 1)
    #expect(try PlainBeanstalk(port: proxy.port).peek(id)?.count == 10)
  }

  @Test func `it cuts a command short on its way to the server`() async throws {
    let (server, proxy) = try await start()
    proxy.add(.cut(after: 30, .toServer))
    let client = try PlainBeanstalk(port: proxy.port)
    #expect(throws: (any Error).self) { try client.put([UInt8](repeating: 1, count: 100), into: "a") }
    #expect(proxy.bytes(.toServer) == 30)
    #expect(try server.jobs().all == 0)
  }

  @Test func `a put whose INSERTED is cut off is stored though its client never learns of it`() async throws {
    let (server, proxy) = try await start()
    proxy.add(.cut(beforeForwarding: "INSERTED", .toClient))
    let client = try PlainBeanstalk(port: proxy.port)
    #expect(throws: (any Error).self) { try client.put("x", into: "a") }
    #expect(proxy.bytes(.toClient) == "USING a\r\n".utf8.count)
    #expect(try server.jobs() == JobTotals(ready: 1))
    try PlainBeanstalk(port: proxy.port).put("y", into: "a")
    #expect(try server.jobs() == JobTotals(ready: 2))
  }

  @Test func `it cuts after a word has gone through`() async throws {
    let (server, proxy) = try await start()
    let id = try server.client().put("x", into: "a")
    proxy.add(.cut(afterSeeing: "BURIED\r\n", .toClient))
    let client = try PlainBeanstalk(port: proxy.port)
    _ = try client.reserve(from: "a")
    #expect(try client.bury(id))
    #expect(throws: (any Error).self) { try client.stats() }
    #expect(try server.jobs() == JobTotals(buried: 1))
  }

  @Test func `it swallows replies until the rule is removed`() async throws {
    let (server, proxy) = try await start()
    let rule = proxy.add(.swallow(afterSeeing: "USING a\r\n", .toClient))
    let client = try PlainBeanstalk(port: proxy.port, timeout: .milliseconds(200))
    #expect(throws: SystemError.self) { try client.put("x", into: "a") }
    #expect(try server.jobs() == JobTotals(ready: 1))
    proxy.remove(rule)
    #expect(try client.listTubes().contains("a"))
  }

  @Test func `it delays, one rule on top of the other`() async throws {
    let (_, proxy) = try await start()
    proxy.add(.delay(.milliseconds(60), .toServer))
    proxy.add(.delay(.milliseconds(60), .toClient))
    let client = try PlainBeanstalk(port: proxy.port)
    let elapsed = try ContinuousClock().measure { _ = try client.stats() }
    #expect(elapsed >= .milliseconds(120))
  }

  @Test func `it freezes and goes on`() async throws {
    let (_, proxy) = try await start()
    let client = try PlainBeanstalk(port: proxy.port, timeout: .milliseconds(200))
    _ = try client.stats()
    proxy.pause()
    #expect(throws: SystemError.self) { try client.listTubes() }
    proxy.resume()
    try await eventually("it goes on") { try PlainBeanstalk(port: proxy.port).listTubes() == ["default"] }
  }

  @Test func `it refuses, and lets in again on the same port`() async throws {
    let (_, proxy) = try await start()
    let client = try PlainBeanstalk(port: proxy.port)
    _ = try client.stats()
    proxy.refuse()
    #expect(throws: SystemError.self) { try PlainBeanstalk(port: proxy.port) }
    #expect(try client.listTubes() == ["default"])
    try proxy.accept()
    #expect(try PlainBeanstalk(port: proxy.port).listTubes() == ["default"])
  }

  @Test func `it cuts all connections at once`() async throws {
    let (server, proxy) = try await start()
    let clients = try (0..<3).map { _ in try PlainBeanstalk(port: proxy.port) }
    for client in clients { _ = try client.stats() }
    proxy.cutAll()
    for client in clients { #expect(throws: (any Error).self) { try client.stats() } }
    #expect(proxy.openConnections == 0)
    try await eventually("the server notices") { try server.client().stats()["current-connections"] == "1" }
  }

  @Test func `a closure sees and changes what goes through`() async throws {
    let (_, proxy) = try await start()
    proxy.add(
      .custom(.toClient) { bytes in
        bytes.starts(with: "NOT_FOUND".utf8) ? .replace(Array("INTERNAL_ERROR\r\n".utf8)) : .forward
      })
    #expect(try PlainBeanstalk(port: proxy.port).ask("peek 1") == ["INTERNAL_ERROR"])
  }

  private func start() async throws -> (BeanstalkdServer, FaultProxy) {
    let server = try await BeanstalkdServer.start()
    return (server, try FaultProxy(to: server))
  }
}
