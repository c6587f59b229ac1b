import Foundation
import MEDTestSupport
import Testing

/// Each kind of record, provoked by the failure that it stands for. Others are where their cause is tested: DECODERR and
/// REDISTFAIL in DeliveryTests and SpreadTests, DROPPED in PushTargetTests and DropSystemTests.
@Suite("§6 Every DATA record, provoked", .showsServerOutput)
struct RecordTests {
  /// Makes the server refuse a command, whoever sends it.
  private func refuse(_ command: String, _ system: SystemHarness) {
    system.proxy.add(
      .custom(.toServer) { piece in
        var refused = piece
        while let range = refused.firstRange(of: Array(command.utf8)) { refused[range.lowerBound] ^= 0x20 }
        return refused == piece ? .forward : .replace(refused)
      })
  }

  /// A dispatcher that can't open its DATA log at the start ends.
  private func startWithLog(_ system: SystemHarness) async throws {
    try await system.startDispatcher()
    try await eventually("its log is open", within: .seconds(20)) {
      system.log("info").contains("queue server reached")
    }
  }

  @Test(arguments: ["buried", "reserved"])
  func `DELFAIL: a delete that is refused is tried on, and done when that is over`(state: String) async throws {
    let system = try await SystemHarness.start(settings: ["InFlightState": "\"\(state)\""], throughProxy: true)
    let id = try await system.subscribe()
    try await system.startDispatcher()
    try system.publish(0..<1)
    try await system.waitUntilEmpty()
    refuse("delete ", system)
    try system.server.client().put(SystemHarness.message(1), into: SystemHarness.channel(id))
    system.ledger.published(1..<2, topic: SystemHarness.topic)
    try await eventually("it is recorded", within: .seconds(20)) { system.records("DELFAIL").count == 1 }
    let record = try #require(system.records("DELFAIL").first)
    #expect(record.subscription == id && record.reason.contains("UNKNOWN_COMMAND"))
    // The message is in its queue: nothing to bring back.
    #expect(record.payload.isEmpty)
    #expect(try system.server.jobs().all == 1)
    #expect(system.log("error").contains("a job could not be settled"))
    system.proxy.removeAllRules()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected && system.ledger.duplicates.isEmpty)
    #expect(system.records.count == 1)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test
  func `KICKFAIL: a kick that is refused at a stop is recorded with the job's bytes, and amender makes up for it`()
    async throws
  {
    let system = try await SystemHarness.start(
      settings: ["MaxMessageProcessTime": "1500", "DefaultMaxMessageProcessTime": "1500"], throughProxy: true)
    let id = try await system.subscribe()
    system.receiver.hold(system.path(id))
    try system.publish(0..<30)
    try await system.startDispatcher()
    try await system.receiver.waitFor(count: 10)
    refuse("kick-job ", system)
    #expect(try await system.stopDispatcher() == .code(0))
    let buried = try system.server.everyJob().filter { $0.state == "buried" }
    let records = system.records("KICKFAIL")
    #expect(!records.isEmpty && records.count == buried.count)
    #expect(Set(records.map(\.payload)) == Set(buried.map(\.body)))
    #expect(records.allSatisfy { $0.reason.contains("UNKNOWN_COMMAND") || $0.reason.contains("no time left") })

    system.proxy.removeAllRules()
    system.receiver.release(system.path(id))
    #expect(try await system.amend().status == .code(0))
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
  }

  @Test
  func `EXHAUSTED: a message that RetryTimes makes too big for the queue server is given up when it doesn't fit`()
    async throws
  {
    // The copy fits, with OriginJobId; with RetryTimes besides it doesn't.
    let message = SystemHarness.message(1, padding: 300)
    let originJobID = MsgpackValue.string("OriginJobId").encoded.count + 1
    let system = try await SystemHarness.start(maxJobSize: message.count + originJobID)
    let id = try await system.subscribe { _ in .refuse(.status(500)) }
    try system.server.client().put(message, into: SystemHarness.mainQueue)
    system.ledger.published(1..<2, topic: SystemHarness.topic)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    let record = try #require(system.records("EXHAUSTED").first)
    #expect(system.records.count == 1 && record.subscription == id)
    #expect(record.reason.contains("JOB_TOO_BIG"))
    #expect(record.payload.starts(with: [message[0] + 1] + message.dropFirst()))
    #expect(record.payload.count == message.count + originJobID)
    // The first retry is put as it is: RetryTimes is counted when it is taken.
    #expect(system.receiver.count() == 2)
  }

  @Test func `REDISTFAIL: the queue server goes away between the reserve and the put, and nothing is recorded`()
    async throws
  {
    let server = try await BeanstalkdServer.start(binlog: true, extraArguments: ["-f", "0"])
    let system = try SystemHarness(server, throughProxy: true)
    try await system.subscribe()
    let isCut = Locked(false)
    system.proxy.add(
      .custom(.toServer) { piece in
        guard piece.firstRange(of: Array("put 1024 ".utf8)) != nil, !isCut.withLock({ $0 }) else { return .forward }
        isCut.withLock { $0 = true }
        return .cut(after: 4)
      })
    try system.publish(0..<30)
    try await system.startDispatcher()
    try await eventually("it was cut", within: .seconds(20)) { isCut.withLock { $0 } }
    try await server.crash()
    try await server.start()
    try await system.waitUntilEmpty()
    // A server that is away is waited for: a record is for what it refuses for good.
    #expect(system.records.isEmpty)
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `with the log directory gone nothing is deleted that has no other home, until it is back`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "0"])
    let failing = try await system.subscribe { _ in .refuse(.status(500)) }
    try await startWithLog(system)
    let away = system.directory.file("away")
    try FileManager.default.moveItem(atPath: system.directory.file("log"), toPath: away)
    // A directory that can't be made anew.
    try Data().write(to: URL(fileURLWithPath: system.directory.file("log")))
    try system.publish(0..<30)
    try await system.receiver.waitFor(count: 30)
    try await eventually("they wait", within: .seconds(20)) {
      try system.server.jobs() == JobTotals(buried: 30)
    }
    #expect(try system.dispatcher.isRunning)
    try FileManager.default.removeItem(atPath: system.directory.file("log"))
    try FileManager.default.moveItem(atPath: away, toPath: system.directory.file("log"))
    try await system.waitUntilEmpty()
    let recorded = system.records("EXHAUSTED").filter { $0.subscription == failing }
    #expect(Set(recorded.compactMap { MessageMark.find(in: $0.payload) }) == Set(0..<30))
    // There was no error log to say so in.
    #expect(try system.dispatcher.output.contains("log lines are lost"))
    #expect(try await system.stopDispatcher() == .code(0))
  }

  /// Directories where the DATA log and its successors would be: unlike a full disk they leave room for the error log.
  private func takeNames(_ numbers: ClosedRange<Int>, _ system: SystemHarness) throws {
    let log = system.directory.file("log/data.log")
    try FileManager.default.moveItem(atPath: log, toPath: system.directory.file("log/data.old.log"))
    for number in numbers {
      let name = number == 0 ? "log/data.log" : "log/data.\(number).log"
      try FileManager.default.createDirectory(
        atPath: system.directory.file(name), withIntermediateDirectories: false)
    }
  }

  @Test func `with the DATA log's name taken by something else the next one is used`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "0"])
    try await system.subscribe { _ in .refuse(.status(500)) }
    try await startWithLog(system)
    try takeNames(0...0, system)
    try system.publish(0..<10)
    try await system.waitUntilEmpty()
    #expect(try system.whereabouts().recorded == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `while no DATA log can be opened the error log says that messages wait, and they do`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "0"])
    try await system.subscribe { _ in .refuse(.status(500)) }
    try await startWithLog(system)
    try takeNames(0...1000, system)
    try system.publish(0..<10)
    try await eventually("it is said", within: .seconds(20)) {
      system.log("error").contains("the DATA log can't be written; messages wait for it")
    }
    // Said when the first of them fails, while the copies of others may be under way.
    try await eventually("they wait", within: .seconds(20)) {
      try system.server.jobs() == JobTotals(buried: 10)
    }
    try FileManager.default.removeItem(atPath: system.directory.file("log/data.log"))
    try await system.waitUntilEmpty()
    #expect(try system.whereabouts().recorded == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
