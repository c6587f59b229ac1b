import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§14 Publishing to a queue server", .showsServerOutput)
struct BeanstalkPublisherTests {
  @Test func `published messages are in the main queue with their priority and delay`() async throws {
    let server = try await BeanstalkdServer.start()
    let gone = QueueServerAddress(host: "127.0.0.1", port: try FreePort.next())
    try await onThread {
      let publisher = try BeanstalkPublisher(servers: [gone, server.queueServer], tube: "main")
      var message = try OutgoingMessage(topic: "t", json: Array("[1]".utf8))
      message.priority = 5
      try PublishRun.run([message], count: 100, to: publisher) { _, _ in }
      message.delay = 3_600
      try publisher.publish([message.job()])
    }
    #expect(try server.jobs() == JobTotals(ready: 100, delayed: 1))
    #expect(try server.client().stats(tube: "main")?["current-jobs-urgent"] == "100")
  }

  @Test func `who publishes doesn't seem to work on the main queue`() async throws {
    let server = try await BeanstalkdServer.start()
    let watching = try await onThread {
      let publisher = try BeanstalkPublisher(servers: [server.queueServer], tube: "main")
      try publisher.publish([PublishJob(body: [1], priority: 1, delay: 0)])
      return try withExtendedLifetime(publisher) { try server.client().stats(tube: "main") }
    }
    #expect(watching?["current-using"] == "1")
    #expect(watching?["current-watching"] == "0")
  }

  @Test func `what a server refuses is named`() async throws {
    let server = try await BeanstalkdServer.start(maxJobSize: 100)
    func refusal(of body: [UInt8]) async -> String? {
      let error = await #expect(throws: MEDApp.SystemError.self) {
        try await onThread {
          let publisher = try BeanstalkPublisher(servers: [server.queueServer], tube: "main")
          try publisher.publish([PublishJob(body: body, priority: 1, delay: 0)])
        }
      }
      return error?.message
    }
    #expect(await refusal(of: Array(repeating: 0, count: 200)) == "\(server.address) answered put with JOB_TOO_BIG")
    try await server.drain()
    #expect(await refusal(of: [1]) == "\(server.address) answered put with DRAINING")
  }
}

/// For what blocks: the pool that tests run on has few threads, and what is waited for may need one of them.
private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Foundation.Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
  }
}
