import MEDTestSupport
import Testing

@testable import MEDCore

/// One dispatcher over several queue servers.
private struct Spread {
  let servers: [BeanstalkdServer]
  let system: SystemHarness

  init(_ count: Int, binlog: Bool = false, settings: [String: String] = [:]) async throws {
    var servers: [BeanstalkdServer] = []
    for _ in 0..<count {
      servers.append(try await BeanstalkdServer.start(binlog: binlog, extraArguments: binlog ? ["-f", "0"] : []))
    }
    self.servers = servers
    let addresses = servers.map(\.address).joined(separator: ",")
    system = try SystemHarness(
      servers[0],
      settings: ["QueueServerAddr": "\"\(addresses)\""].merging(settings) {
        $1
      })
  }

  /// Puts messages into the main queue of one server.
  func publish(_ numbers: Range<Int>, at server: Int = 0) throws {
    let client = try servers[server].client()
    for number in numbers { try client.put(SystemHarness.message(number), into: SystemHarness.mainQueue) }
    system.ledger.published(numbers, topic: SystemHarness.topic)
  }

  /// Jobs of a subscription's channel, by server.
  func channel(_ subscription: Int) throws -> [Int] {
    try servers.map { try $0.client().jobs(in: SystemHarness.channel(subscription)).all }
  }

  func waitUntilRedistributed(_ servers: [Int]? = nil) async throws {
    try await eventually("the main queues are empty", within: .seconds(30)) {
      try (servers ?? Array(self.servers.indices)).allSatisfy { server in
        try self.servers[server].client().jobs(in: SystemHarness.mainQueue).all == 0
      }
    }
  }

  func waitUntilDelivered() async throws {
    try await eventually("all is delivered", within: .seconds(40)) {
      system.ledger.accepted == system.ledger.expected
    }
    try await eventually("nothing is left", within: .seconds(20)) {
      try servers.allSatisfy { try $0.jobs().all == 0 }
    }
  }

  /// Lets a server have no memory for more than small things, or as much as it likes.
  func limitMemory(of server: Int, _ isLimited: Bool) async throws {
    let pid = servers[server].process.pid
    let run = try await ServerProcess.run(
      "prlimit", ["--pid", "\(pid)", "--as=\(isLimited ? "1" : "unlimited"):unlimited"])
    #expect(run.status == .code(0))
  }
}

@Suite("§4 Copies over several queue servers", .showsServerOutput)
struct SpreadTests {
  @Test func `copies of messages of one server go to all, evenly, and are pushed from there`() async throws {
    let spread = try await Spread(3)
    let id = try await spread.system.subscribe()
    spread.system.receiver.hold(spread.system.path(id))
    try spread.publish(0..<3000)
    try await spread.system.startDispatcher()
    try await spread.waitUntilRedistributed()
    let copies = try spread.channel(id)
    #expect(copies.reduce(0, +) == 3000)
    // A third each, give or take some batches.
    #expect(copies.allSatisfy { $0 > 600 && $0 < 1400 }, "\(copies)")
    spread.system.receiver.release(spread.system.path(id))
    try await spread.waitUntilDelivered()
    #expect(spread.system.ledger.duplicates.isEmpty)
    #expect(spread.system.records.isEmpty)
    #expect(try await spread.system.stopDispatcher() == .code(0))
  }

  @Test func `a server that dies gets no copies, and its share again when it is back`() async throws {
    let spread = try await Spread(3, binlog: true)
    let id = try await spread.system.subscribe()
    spread.system.receiver.hold(spread.system.path(id))
    try spread.publish(0..<300)
    try await spread.system.startDispatcher()
    try await spread.waitUntilRedistributed()
    try await spread.servers[2].crash()
    try spread.publish(300..<900)
    try await spread.waitUntilRedistributed([0, 1])
    #expect(spread.system.records.isEmpty)
    try await spread.servers[2].start()
    let before = try spread.channel(id)[2]
    var number = 900
    try await eventually("it gets copies again", within: .seconds(30)) {
      try spread.publish(number..<number + 10)
      number += 10
      return try spread.channel(id)[2] > before
    }
    spread.system.receiver.release(spread.system.path(id))
    try await spread.waitUntilDelivered()
    #expect(spread.system.records.isEmpty)
    #expect(try await spread.system.stopDispatcher() == .code(0))
  }

  @Test func `a draining server gets no copies, and its own messages are served`() async throws {
    let spread = try await Spread(3)
    let id = try await spread.system.subscribe()
    spread.system.receiver.hold(spread.system.path(id))
    try spread.publish(0..<600, at: 0)
    try spread.publish(600..<900, at: 1)
    try await spread.servers[1].drain()
    try await spread.system.startDispatcher()
    try await spread.waitUntilRedistributed()
    let copies = try spread.channel(id)
    #expect(copies[1] == 0 && copies[0] > 0 && copies[2] > 0, "\(copies)")
    spread.system.receiver.release(spread.system.path(id))
    try await spread.waitUntilDelivered()
    #expect(spread.system.ledger.duplicates.isEmpty)
    #expect(spread.system.records.isEmpty)
  }

  @Test func `copies that a server has no memory for go to another`() async throws {
    let spread = try await Spread(2)
    let id = try await spread.system.subscribe()
    spread.system.receiver.hold(spread.system.path(id))
    let client = try spread.servers[0].client()
    for number in 0..<50 {
      try client.put(SystemHarness.message(number, padding: 40_000), into: SystemHarness.mainQueue)
    }
    spread.system.ledger.published(0..<50, topic: SystemHarness.topic)
    try await spread.limitMemory(of: 1, true)
    try await spread.system.startDispatcher()
    try await spread.waitUntilRedistributed()
    let copies = try spread.channel(id)
    // What the allocator has left over is enough for a few.
    #expect(copies[0] > 30 && copies[0] + copies[1] == 50, "\(copies)")
    #expect(spread.system.records.isEmpty)
    try await spread.limitMemory(of: 1, false)
    spread.system.receiver.release(spread.system.path(id))
    try await spread.waitUntilDelivered()
    #expect(spread.system.ledger.duplicates.isEmpty)
  }

  @Test func `what no server takes is recorded for each subscription, after three times each, and then deleted`()
    async throws
  {
    let spread = try await Spread(2)
    let ids = [try await spread.system.subscribe(), try await spread.system.subscribe()]
    try spread.publish(0..<5)
    for server in spread.servers { try await server.drain() }
    try await spread.system.startDispatcher()
    try await spread.waitUntilRedistributed()
    #expect(try spread.servers.map { try $0.jobs().all } == [0, 0])
    let records = spread.system.records("REDISTFAIL")
    #expect(records.count == 10 && spread.system.records.count == 10)
    #expect(Set(records.compactMap(\.subscription)) == Set(ids))
    for record in records {
      let copy = try Envelope(record.payload)
      #expect(copy.originJobID == UInt64(try #require(MessageMark.find(in: record.payload)) + 1))
      #expect(record.reason.contains("DRAINING"))
    }
    // Each copy was offered three times to each server: to the first of all with its batch.
    let puts = try spread.servers.map { Int(try $0.client().stats()["cmd-put"] ?? "") ?? 0 }
    #expect(puts == [5 + 30, 30])
  }
}
