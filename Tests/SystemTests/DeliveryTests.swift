import MEDTestSupport
import Testing

@Suite("§5 §6 Delivery and failure", .showsServerOutput)
struct DeliveryTests {
  @Test func `a subscriber that hangs doesn't hold back another`() async throws {
    let system = try await SystemHarness.start()
    let hanging = try await system.subscribe { _ in .refuse(.hang) }
    let lively = try await system.subscribe()
    try system.publish(0..<300)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 300, on: system.path(lively), within: .seconds(20))
    #expect(system.ledger.accepted.count == 300)
    #expect(system.receiver.count(system.path(hanging)) == 10)
    #expect(try system.missing().isEmpty)
  }

  @Test func `answers of 500 and {} are failures, and all is delivered in the end`() async throws {
    let system = try await SystemHarness.start()
    // Each first push of one message in five, and some of the repeated ones.
    try await system.subscribe { request in
      let number = MessageMark.find(in: request.body) ?? 0
      let retries = request.field("retry_times")
      guard retries == "0" || (retries == "1" && number % 50 < 2) else { return .accept }
      return number % 5 == 0 ? .refuse(.status(500)) : number % 5 == 1 ? .refuse(.json("{}")) : .accept
    }
    try system.publish(0..<100)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    #expect(system.receiver.count() == 100 + 40 + 4)
    #expect(system.records.isEmpty)
  }

  @Test func `a failed message is ready again after 1 s, 4 s, and its jobid stays the same`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "2"])
    let id = try await system.subscribe { _ in .refuse(.status(500)) }
    try system.publish(0..<1)
    try await system.startDispatcher()
    let requests = try await system.receiver.waitFor(count: 3, within: .seconds(20))
    #expect(requests.map { $0.field("retry_times") } == ["0", "1", "2"])
    #expect(requests.map { $0.query("retry_times") } == ["0", "1", "2"])
    #expect(Set(requests.map { $0.field("jobid") }) == ["1700000000.250000-1-\(id)"])
    let waits = zip(requests, requests.dropFirst()).map { $1.arrival - $0.arrival }
    // Never early; how late depends on the machine.
    #expect(waits[0] >= .milliseconds(900))
    #expect(waits[1] >= .milliseconds(3900))
    try await system.waitUntilEmpty()
    let record = try #require(system.records("EXHAUSTED").first)
    #expect(record.subscription == id)
    #expect(MessageMark.find(in: record.payload) == 0)
    #expect(system.records.count == 1)
  }

  @Test func `IntervalOfSending lies between the starts of two pushes`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe(parameters: ["IntervalOfSending": "100"])
    try system.publish(0..<10)
    try await system.startDispatcher()
    let requests = try await system.receiver.waitFor(count: 10, within: .seconds(20))
    let whole = requests[9].arrival - requests[0].arrival
    // Nine intervals, less what the first push needed to arrive. Without the interval it takes some milliseconds.
    #expect(whole >= .milliseconds(500))
  }

  @Test func `a copy that OriginJobId makes too big is recorded as it would have been put`() async throws {
    let message = SystemHarness.message(1, padding: 300)
    let system = try await SystemHarness.start(maxJobSize: message.count)
    let small = try await system.subscribe("order_paid")
    try system.server.client().put(message, into: SystemHarness.mainQueue)
    try system.publish(2..<12)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    let record = try #require(system.records("REDISTFAIL").first)
    #expect(system.records.count == 1)
    #expect(record.subscription == small)
    #expect(record.reason.contains("JOB_TOO_BIG"))
    // All of it but for the count of pairs, and OriginJobId = 1 behind it.
    var copy = message
    copy[0] += 1
    copy += MsgpackValue.string("OriginJobId").encoded
    #expect(record.payload.count > message.count)
    #expect(record.payload.starts(with: copy))
    #expect(record.payload.dropFirst(copy.count).last == 1)
  }

  @Test func `an undecodable job is recorded byte for byte and deleted`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    let jobs: [[UInt8]] = [[0xc1], [], Array("no msgpack".utf8), [0x81, 0xa6]]
    for job in jobs { try system.server.client().put(job, into: SystemHarness.mainQueue) }
    try system.publish(0..<20)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(Set(system.records("DECODERR").map(\.payload)) == Set(jobs))
    #expect(system.records.count == jobs.count)
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  @Test(arguments: ["with space", "ümlaut", "-begins-with-a-dash", String(repeating: "long", count: 50)])
  func `a topic that gives no tube name is recorded, never changed`(topic: String) async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe(topic)
    try await system.subscribe()
    try system.publish(0..<3, topic: topic)
    try system.publish(3..<6)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    let records = system.records("REDISTFAIL")
    #expect(records.count == 3)
    #expect(records.allSatisfy { $0.subscription == id })
    #expect(try system.missing().isEmpty)
    #expect(system.ledger.accepted.count == 3)
  }

  @Test func `messages of a topic without subscription are deleted`() async throws {
    let system = try await SystemHarness.start()
    try await system.subscribe()
    try system.publish(0..<50, topic: "nobody_listens")
    try system.publish(50..<60)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.receiver.count() == 10)
    #expect(system.records.isEmpty)
  }
}
