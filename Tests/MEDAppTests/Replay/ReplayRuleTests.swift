import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§14 Where a record goes")
struct ReplayRuleTests {
  private let main = TubeName("main-incoming-queue")
  private let channel = TubeName("order_paid/sub-queue/352")

  private func rule(_ destination: ReplayRule.Destination? = nil) throws -> ReplayRule {
    ReplayRule(mainQueue: try #require(main), channelPrefix: "sub-queue/", destination: destination)
  }

  private func put(_ record: DataRecord, to destination: ReplayRule.Destination? = nil) throws -> ReplayRule.Put? {
    if case .put(let put) = try rule(destination).decide(record) { put } else { nil }
  }

  @Test(arguments: [RecordKind.redistributionFailed, .exhausted, .dropped, .undecodable, .kickFailed])
  func `a record with a subscription goes into its channel, its bytes as they are`(kind: RecordKind) throws {
    let record = replayRecord(7, kind)
    #expect(try put(record) == ReplayRule.Put(tube: try #require(channel), body: try #require(record.payload)))
  }

  @Test func `DECODERR of the main queue, and RECOVFAIL…, go into the main queue`() throws {
    #expect(
      try put(DataRecord(.undecodable, payload: [0xc1])) == ReplayRule.Put(tube: try #require(main), body: [0xc1]))
    for kind in [RecordKind.recoverPutBackFailed, .recoverDecodeFailed, .recoverTypeFailed] {
      let message = TestMessage(topic: "t", delay: 30, priority: 7).encoded
      let put = try put(DataRecord(kind, payload: MsgpackValue.binary(message).encoded))
      #expect(put == ReplayRule.Put(tube: try #require(main), body: message, priority: 7, delay: 30))
    }
  }

  @Test func `an exhausted message gets all its retries again, and keeps its jobid`() throws {
    var record = replayRecord(7, .exhausted)
    let message = TestMessage(topic: "order_paid", originJobID: 4711, retryTimes: 9, logID: 3)
    record.payload = message.encoded
    let replayed = try Envelope(try #require(try put(record)).body)
    let before = try Envelope(message.encoded)
    #expect(replayed.retryTimes == 0)
    #expect(replayed.logID == 3)
    #expect(replayed.pushJobID(subscription: 352) == before.pushJobID(subscription: 352))
    #expect(replayed.pushJobID(subscription: 352) == "1700000000.250000-4711-352")
  }

  @Test func `a message that was dropped in the retry channel goes on where it was`() throws {
    var record = replayRecord(7, .dropped)
    record.payload = TestMessage(topic: "order_paid", originJobID: 7, retryTimes: 4).encoded
    #expect(try put(record)?.body == record.payload)
  }

  @Test func `what came out of the main queue has had its delay, but keeps its priority there`() throws {
    var record = replayRecord(7)
    record.payload = TestMessage(topic: "order_paid", delay: 30, priority: 7).encoded
    let put = try #require(try put(record, to: .main))
    #expect(put.tube == main)
    #expect(put.delay == 0)
    #expect(put.priority == 7)
    #expect(try self.put(record)?.priority == MEDCore.Put.priority, "channels have one")
  }

  @Test func `what can't be put is said, with the reason`() throws {
    let nowhere = DataRecord(.recoverPutBackFailed, payload: TestMessage(topic: "t").encoded)
    guard case .impossible(let reason) = try rule(.channel).decide(nowhere) else {
      Issue.record("a record without a subscription has no channel")
      return
    }
    #expect(reason.contains("--to main"))
    var record = replayRecord(1)
    for topic in ["a b", "-x", "", String(repeating: "x", count: 190), "t\r\nput 0 0 0 0"] {
      record.topic = topic
      #expect(
        try rule().decide(record) == .impossible("its topic \(quoted(topic)) gives no name of a tube") || topic.isEmpty)
      if case .put(let put) = try rule().decide(record) { #expect(TubeName(put.tube.description) != nil) }
    }
    #expect(try rule().decide(DataRecord(.dropped, topic: "t", subscription: 1)) == .nothing)
  }

  @Test func `without --kind the kinds that hold a message's only copy are meant`() throws {
    let kinds = try ReplayRule.choice(RecordChoice()).kinds
    #expect(kinds == ReplayRule.defaultKinds)
    #expect(!kinds.contains(.kickFailed), "its message is still in its queue")
    #expect(kinds.union(ReplayRule.withoutMessage).union([.kickFailed]) == Set(RecordKind.allCases))
  }

  @Test(arguments: ["SENT", "RESENT", "DELFAIL"])
  func `kinds that never hold a message can't be replayed`(kind: String) throws {
    let choice = try RecordChoice(kinds: [kind], topics: [], subscriptions: [], since: nil, until: nil)
    #expect(throws: UsageError.self) { try ReplayRule.choice(choice) }
  }
}

@Suite("§14 Replay rate")
struct PaceTests {
  @Test func `records are spread evenly, and what was missed isn't made up for`() {
    var pace = Pace(rate: 100)
    let start = ContinuousClock.now
    #expect(pace.begin(at: start) == start)
    for number in 1...3 { #expect(pace.begin(at: start) == start + .milliseconds(10 * number)) }
    let late = start + .seconds(5)
    #expect(pace.begin(at: late) == late)
    #expect(pace.begin(at: late) == late + .milliseconds(10))
  }
}

@Suite("§14 Queue servers of a replay")
struct ReplayServersTests {
  private func put() throws -> ReplayRule.Put { ReplayRule.Put(tube: try #require(TubeName("t")), body: [1]) }

  @Test func `who has had enough isn't kept waiting for servers that are away`() throws {
    let stop = StopRequest()
    stop.request()
    let servers = ReplayServers([QueueServerAddress(host: "127.0.0.1", port: 1)], stop: stop)
    #expect(servers.put(try put()) == .stopped)
    #expect(servers.servers[0].failure?.contains("can't connect to 127.0.0.1:1") == true)
  }

  @Test func `when none takes it the reason of each is told`() throws {
    let addresses = [UInt16(1), 2].map { QueueServerAddress(host: "127.0.0.1", port: $0) }
    guard case .nowhere(let reasons) = ReplayServers(addresses, stop: StopRequest()).put(try put()) else {
      Issue.record("nobody listens there")
      return
    }
    #expect(reasons.contains("127.0.0.1:1 (") && reasons.contains("; ") && reasons.contains("127.0.0.1:2 ("))
  }
}
