import Foundation
import MEDTestSupport
import Testing

@Suite("§12 CleanTopic while everything goes on", .showsServerOutput)
struct CleaningSystemTests {
  @Test func `a channel is emptied on two servers under inflow, while its lane works on it`() async throws {
    let second = try await BeanstalkdServer.start()
    let first = try await BeanstalkdServer.start()
    let port = try FreePort.next()
    let system = try SystemHarness(
      first,
      settings: [
        "QueueServerAddr": "\"\(first.address),\(second.address)\"", "ListenAddr": "\"127.0.0.1:\(port)\"",
        // Answers are held for as long as all else takes.
        "MaxMessageProcessTime": "600000", "DefaultMaxMessageProcessTime": "600000",
      ])
    let controlled = ControlledSystem(system: system, port: port)
    let id = try await system.subscribe()
    let channel = SystemHarness.channel(id)
    system.receiver.on("/cleaned", .ok)
    // Pushes are under way all the time, and the channel fills behind them.
    system.receiver.hold(system.path(id))
    try system.publish(0..<2_000)
    try await controlled.startDispatcher()
    try await eventually("the channel is full on both servers") {
      let jobs = try [first, second].map { try $0.client().jobs(in: channel).all }
      return jobs.reduce(0, +) == 2_000 && jobs.allSatisfy { $0 > 500 }
    }
    let inflow = Inflow(system, from: 2_000)
    let servers = #"["\#(first.address)","\#(second.address)"]"#
    let callback = system.receiver.url("/cleaned?id=7")
    #expect(
      try controlled.call("CleanTopic", #"{"servers":\#(servers),"topic":"\#(channel)","callback":"\#(callback)"}"#)
        == .init("ok", "null"))
    try await eventually("the end is told", within: .seconds(60)) {
      system.receiver.requests("/cleaned").contains { $0.query("state") == "done" && $0.query("id") == "7" }
    }
    let numbers = try await inflow.end()
    // What was in hand, and what has come since, is all that may be left of it.
    for server in [first, second] {
      let left = try server.everyJob().filter { $0.tube == channel }
      #expect(left.compactMap { MessageMark.find(in: $0.body) }.allSatisfy { $0 >= 2_000 })
    }
    let later = numbers.upperBound..<numbers.upperBound + 100
    try system.publish(later)
    system.receiver.release(system.path(id))
    try await eventually("all is delivered", within: .seconds(60)) {
      try [first, second].allSatisfy { try $0.jobs() == JobTotals() }
    }
    let accepted = system.ledger.accepted
    #expect(later.allSatisfy { accepted.contains(Delivery(message: $0, subscription: id)) })
    #expect(system.records.isEmpty)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  /// Publishes one message after the other, on a thread of its own.
  private final class Inflow: Sendable {
    private let next: Locked<(number: Int, isOver: Bool, hasEnded: Bool)>
    private let start: Int

    init(_ system: SystemHarness, from start: Int) {
      self.start = start
      next = Locked((start, false, false))
      let next = next
      Thread.detachNewThread {
        while let number = next.withLock({ $0.isOver ? nil : $0.number }) {
          try? system.publish(number..<number + 1)
          next.withLock { $0.number += 1 }
          usleep(1_000)  // why: a pace that a producer has
        }
        next.withLock { $0.hasEnded = true }
      }
    }

    /// - Returns: what was published.
    func end() async throws -> Range<Int> {
      next.withLock { $0.isOver = true }
      try await eventually("it has ended") { next.withLock { $0.hasEnded } }
      return start..<next.withLock { $0.number }
    }
  }
}
