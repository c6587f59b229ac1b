import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§4 Drop policy of a running dispatcher", .showsServerOutput)
struct DropSystemTests {
  private static let count = 3000

  private static func policy(_ threshold: Int, _ action: Int) -> [String: String] {
    ["DropMessageThreshold": "\(threshold)", "DropMessageThresholdAction": "\(action)"]
  }

  /// The lines of the drop log, by nothing of the product's.
  private static func dropped(_ system: SystemHarness, _ subscription: Int) -> [RecordLine] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: system.directory.file("drop"))) ?? []
    let pattern = #/subscription_\d+_\d+(\.\d+)?\.data/#
    #expect(names.allSatisfy { $0 == "filler" || $0.wholeMatch(of: pattern) != nil }, "\(names)")
    return names.filter { $0.hasPrefix("subscription_\(subscription)_") }
      .flatMap { system.directory.read("drop/\($0)").split(separator: "\n") }.compactMap { RecordLine($0) }
  }

  private static func numbers(_ lines: [RecordLine]) -> [Int] { lines.compactMap { MessageMark.find(in: $0.payload) } }

  @Test func `a flood for a subscriber that hangs is cut off at the threshold, and every message is accounted for`()
    async throws
  {
    let system = try await SystemHarness.start()
    let hanging = try await system.subscribe(parameters: Self.policy(100, 1))
    let lively = try await system.subscribe()
    system.receiver.hold(system.path(hanging))
    try system.publish(0..<Self.count)
    try await system.startDispatcher()
    try await eventually("all are redistributed", within: .seconds(30)) {
      try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    let channel = try system.server.client().jobs(in: SystemHarness.channel(hanging))
    // 101 wait, the lane has 20 in hand; a sample that comes while copies are under way lets some batches more through.
    #expect(channel.all >= 101 && channel.all <= 101 + 20 + 4 * 64, "\(channel)")
    let lines = Self.dropped(system, hanging)
    #expect(lines.count == Self.count - channel.all)
    #expect(lines.allSatisfy { $0.kind == "DROPPED" && $0.subscription == hanging })
    #expect(Set(Self.numbers(lines)).count == lines.count)
    #expect(system.records.isEmpty, "not written twice")
    #expect(system.log("warn").contains("backlog is above its threshold"))

    system.receiver.release(system.path(hanging))
    try await system.waitUntilEmpty()
    let accepted = Set(system.ledger.accepted.filter { $0.subscription == hanging }.map(\.message))
    #expect(accepted.isDisjoint(with: Self.numbers(lines)))
    #expect(accepted.count + lines.count == Self.count)
    #expect(system.ledger.accepted.count { $0.subscription == lively } == Self.count)
    // Now there is room again.
    try system.publish(Self.count..<Self.count + 50)
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted.count { $0.subscription == hanging } == accepted.count + 50)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `action 2 drops, and the DATA log tells of each without its bytes`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe(parameters: Self.policy(50, 2))
    system.receiver.hold(system.path(id))
    try system.publish(0..<500)
    try await system.startDispatcher()
    try await eventually("all are redistributed", within: .seconds(30)) {
      try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    let kept = try system.server.client().jobs(in: SystemHarness.channel(id)).all
    #expect(kept >= 51 && kept < 400)
    try await eventually("the records are written") { system.records("DROPPED").count == 500 - kept }
    #expect(system.records.allSatisfy { $0.kind == "DROPPED" && $0.payload.isEmpty && $0.subscription == id })
    #expect(Self.dropped(system, id).isEmpty)
  }

  @Test(.enabled(if: geteuid() == 0, "needs root for a small file system"))
  func `while the drop log's disk is full its messages wait, others go on, and space brings all`() async throws {
    let system = try await SystemHarness.start()
    let hanging = try await system.subscribe(parameters: Self.policy(100, 1))
    let lively = try await system.subscribe()
    let other = try await system.subscribe("other")
    let disk = try SmallDisk(system.directory.directory("drop"), kilobytes: 2048)
    try disk.fill()
    system.receiver.hold(system.path(hanging))
    try system.publish(0..<Self.count)
    try system.publish(5000..<5100, topic: "other")
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: Self.count, on: system.path(lively), within: .seconds(30))
    try await system.receiver.waitFor(count: 100, on: system.path(other), within: .seconds(30))
    var waiting = 0
    try await eventually("only what is dropped is left in the main queue", within: .seconds(20)) {
      let main = try system.server.client().jobs(in: SystemHarness.mainQueue)
      waiting = main.buried
      let channel = try system.server.client().jobs(in: SystemHarness.channel(hanging))
      return main.all == main.buried && main.all > 0 && main.all + channel.all == Self.count
    }
    #expect(Self.dropped(system, hanging).isEmpty)
    try disk.empty()
    try await eventually("all are redistributed", within: .seconds(40)) {
      try system.server.client().jobs(in: SystemHarness.mainQueue).all == 0
    }
    let lines = Self.dropped(system, hanging)
    #expect(Set(Self.numbers(lines)).count == waiting)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(system.receiver.count(system.path(lively)) == Self.count, "confirmed copies are not put again")
  }

  @Test func `killed while messages are dropped: each is delivered, in a queue or in the drop log`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe(parameters: Self.policy(100, 1))
    system.receiver.hold(system.path(id))
    try system.publish(0..<Self.count)
    try await system.startDispatcher()
    try await eventually("some are dropped", within: .seconds(20), every: .milliseconds(1)) {
      !Self.dropped(system, id).isEmpty
    }
    system.kill()
    #expect(try await system.dispatcher.waitForExit(within: .seconds(30)) == .signal(SIGKILL))
    try await eventually("the server has noticed that its client is gone") {
      try system.server.client().stats()["current-connections"] == "1"
    }
    func lost() throws -> Set<Int> {
      let dropped = Set(Self.numbers(Self.dropped(system, id)))
      return Set(try system.missing().map(\.message)).subtracting(dropped)
    }
    #expect(try lost().isEmpty)
    #expect(try await system.amend().status == .code(0))
    system.receiver.release(system.path(id))
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(try lost().isEmpty)
  }
}
