import MEDTestSupport
import Testing

@Suite("§2 Queue servers that die", .showsServerOutput)
struct QueueServerDeathTests {
  @Test(arguments: ["buried", "reserved"])
  func `one with a binlog crashes twice under load and nothing is missing`(state: String) async throws {
    let server = try await BeanstalkdServer.start(binlog: true, extraArguments: ["-f", "0"])
    let system = try SystemHarness(server, settings: ["InFlightState": "\"\(state)\""])
    for _ in 0..<3 { try await system.subscribe { _ in .accept(after: .milliseconds(20)) } }
    try system.publish(0..<300)
    try server.client().put("a stranger's", into: "elsewhere")
    try await system.startDispatcher()
    for count in [150, 450] {
      try await system.receiver.waitFor(count: count, within: .seconds(20))
      try await server.crash()
      try await server.start()
    }
    // By itself: neither a restart nor amender.
    try await system.waitUntilLeft(1)
    #expect(try server.everyJob().map(\.tube) == ["elsewhere"])
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `a stranger with the same job id outlives a restart without binlog`() async throws {
    let system = try await SystemHarness.start()
    let subscription = try await system.subscribe()
    system.receiver.hold(system.path(subscription))
    try system.publish(0..<30)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    // Ids begin anew: these have the ids of all jobs that the dispatcher owns.
    try await system.server.restart()
    let client = try system.server.client()
    for number in 0..<100 { try client.put("stranger \(number)", into: "elsewhere") }
    system.receiver.release(system.path(subscription))
    // It goes on with the new server: messages that come now are delivered.
    try system.publish(100..<120)
    try await eventually("the new messages are delivered", within: .seconds(30)) {
      let accepted = system.ledger.accepted
      return (100..<120).allSatisfy { accepted.contains(Delivery(message: $0, subscription: subscription)) }
    }
    #expect(try await system.stopDispatcher() == .code(0))
    let jobs = try system.server.everyJob().filter { $0.tube == "elsewhere" }
    #expect(jobs.count == 100)
    #expect(jobs.allSatisfy { $0.state == "ready" && $0.kicks == 0 })
  }

  @Test func `buried strangers aren't kicked by a stop after a restart without binlog`() async throws {
    let system = try await SystemHarness.start()
    let subscription = try await system.subscribe()
    system.receiver.hold(system.path(subscription))
    try system.publish(0..<30)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    try await system.server.restart()
    let client = try system.server.client()
    for number in 0..<100 { try client.put("stranger \(number)", into: "elsewhere") }
    while let taken = try client.reserve(from: "elsewhere") { try client.bury(taken.id) }
    let info = "queue server reached"
    try await eventually("the dispatcher is back") { system.log("info").components(separatedBy: info).count >= 3 }
    system.receiver.release(system.path(subscription))
    #expect(try await system.stopDispatcher() == .code(0))
    let jobs = try system.server.everyJob().filter { $0.tube == "elsewhere" }
    #expect(jobs.count == 100)
    #expect(jobs.allSatisfy { $0.state == "buried" && $0.kicks == 0 })
  }

  @Test(arguments: ["buried", "reserved"])
  func `connections cut at any byte lose nothing and leave nothing buried`(state: String) async throws {
    let system = try await SystemHarness.start(settings: ["InFlightState": "\"\(state)\""], throughProxy: true)
    for _ in 0..<3 { try await system.subscribe { _ in .accept(after: .milliseconds(10)) } }
    try system.publish(0..<400)
    try await system.startDispatcher()
    for cut in 1...12 {
      let bytes = Int.random(in: 1...4000)
      system.proxy.add(.cut(after: bytes, cut.isMultiple(of: 2) ? .toClient : .toServer))
      try await eventually("cut \(cut) after \(bytes) bytes is made", within: .seconds(20)) {
        try system.proxy.cuts >= cut || system.server.jobs().all == 0
      }
    }
    system.proxy.removeAllRules()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test(arguments: [false, true])
  func `a queue server that is gone or hangs doesn't hold back another`(hangs: Bool) async throws {
    let other = try await BeanstalkdServer.start()
    let server = try await BeanstalkdServer.start()
    let system = try SystemHarness(server, settings: ["QueueServerAddr": "\"\(other.address),\(server.address)\""])
    let id = try await system.subscribe()
    try system.publish(0..<20)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 20)
    if hangs { other.process.pause() } else { try await other.crash() }
    try system.publish(20..<200)
    // A server that hangs is given up when it has owed an answer for 10 s.
    try await eventually("all that the living server has is delivered", within: .seconds(40)) {
      system.ledger.accepted == system.ledger.expected
    }
    if hangs { other.process.resume() } else { try await other.start() }
    try other.client().put(SystemHarness.message(500), into: SystemHarness.mainQueue)
    try await eventually("what the other has is delivered when it is back", within: .seconds(30)) {
      system.ledger.accepted.contains(Delivery(message: 500, subscription: id))
    }
    // With one that hung also what it was sent and stored when it went on.
    try await eventually("nothing is left") { try server.jobs().all + other.jobs().all == 0 }
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
