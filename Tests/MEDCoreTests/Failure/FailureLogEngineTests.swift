import Glibc
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDCore

private typealias Locked = MEDTestSupport.Locked

@Suite("§7 Failure log: rows of failing messages")
struct FailureLogEngineTests {
  private let log = MemoryFailureLog()

  private func harness(
    subscriptions: Int = 1, answer: @escaping @Sendable (PushRequest) -> PushAnswer
  ) -> EngineHarness {
    var harness = EngineHarness(subscriptions: subscriptions, answer: answer)
    harness.failureLog = log
    harness.configuration.hostAddress = "10.1.2.3"
    harness.configuration.parkingPauses = .milliseconds(2)...(.milliseconds(10))
    harness.configuration.placementPause = .milliseconds(1)
    return harness
  }

  private static func retry(_ request: PushRequest) -> Int {
    request.url.split(separator: "=").last.flatMap { Int($0) } ?? -1
  }

  @Test func `a message that is delivered at its first push is unknown to the failure log`() async throws {
    let harness = harness { _ in .ok }
    harness.publish(Array(0..<50))
    try await harness.run { $0.total == 0 }
    #expect(log.entries.isEmpty)
  }

  @Test func `a message that fails, then is delivered, has one row that says so`() async throws {
    let harness = harness { Self.retry($0) < 2 ? .failed(PushFailure(.refused, "try \(Self.retry($0))")) : .ok }
    harness.publish([42])
    try await harness.run { $0.total == 0 }
    let address = "medispatcher addr: 10.1.2.3 target: http://127.0.0.1:9/s/1 "
    #expect(
      log.rows == [
        MemoryFailureLog.Row(
          first: address + "error: try 0", last: address + "error: try 1", target: "http://127.0.0.1:9/s/1", body: "42",
          retryTimes: 2, isAlive: false, finalStatus: 1)
      ])
    let entry = try #require(log.entries.first)
    #expect(entry.jobID == "1.000000-1-1")
    #expect(entry.messageTime == 1)
    #expect(entry.time > 1_700_000_000)
  }

  @Test func `a message that is given up has one row that says so`() async throws {
    let harness = harness { _ in .error500 }
    harness.publish([1, 2, 3])
    try await harness.run { $0.total == 0 }
    #expect(log.rows.count == 3)
    for row in log.rows {
      #expect(!row.isAlive && row.finalStatus == 0 && row.retryTimes == 2)
      #expect(row.last.contains("status: 500"))
    }
  }

  @Test func `each subscription of a message has a row of its own`() async throws {
    let harness = harness(subscriptions: 2) { Self.retry($0) == 0 ? .error500 : .ok }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    #expect(log.rows.map(\.finalStatus) == [1, 1])
    #expect(Set(log.entries.map(\.jobID)) == ["1.000000-1-1", "1.000000-1-2"])
  }

  @Test func `once the row is known its id goes into the message, and the body stays as it is`() async throws {
    let seen = Locked(UInt64(0))
    var harness = harness { _ in seen.withLock { $0 } > 0 ? .ok : .error500 }
    harness.configuration.retrySchedule = RetrySchedule(coefficient: 0, maximumRetries: 1_000_000_000)
    // Pushes that take no time would go round in circles.
    harness = EngineHarness(harness, duration: .milliseconds(5))
    harness.failureLog = log
    harness.queue.state.withLock { state in
      state.willDelete = { _, _, job in
        if let envelope = try? Envelope(job.body), envelope.logID > 0 { seen.withLock { $0 = envelope.logID } }
      }
    }
    harness.publish([9])
    try await harness.run { $0.total == 0 }
    #expect(seen.withLock { $0 } == 1)
    #expect(harness.pusher.state.withLock { $0.bodies.allSatisfy { $0.contains("message=9") } })
    #expect(log.entries.last?.logID == 1)
    #expect(log.rows.map(\.finalStatus) == [1])
  }

  @Test func `a body that is too long for the failure log is left out of its row`() async throws {
    let harness = harness { Self.retry($0) == 0 ? .error500 : .ok }
    var message: [UInt8] = [0x82, 0xA6] + Array("MsgKey".utf8) + [0xA1, 0x74, 0xA4] + Array("Body".utf8)
    message += [0xDB, 0, 0x50, 0, 0] + [UInt8](repeating: 0x61, count: 5 << 20)
    harness.queue.state.withLock { _ = $0.add(message, to: EngineHarness.channel1) }
    try await harness.run { $0.total == 0 }
    #expect(log.rows.map(\.body) == ["null"])
    #expect(log.rows.map(\.finalStatus) == [1])
  }

  @Test func `a message that the retry channel is too small for is closed with that reason`() async throws {
    let harness = harness { _ in .error500 }
    harness.queue.state.withLock { $0.putFaults = [.none, .tooBig] }
    harness.publish([1])
    try await harness.run { $0.total == 0 }
    #expect(log.rows.map(\.isAlive) == [false])
    #expect(log.rows.first?.first.contains("status: 500") == true)
    #expect(log.rows.first?.last.contains("JOB_TOO_BIG") == true)
  }

  @Test(arguments: [true, false]) func `a message with a row that can't be pushed any more is closed with the reason`(
    isDecodable: Bool
  ) async throws {
    var harness = harness { _ in .ok }
    if isDecodable {
      harness.subscriptions = FixedSubscriptions([Subscription(id: 1, topic: "t", receptionChannel: "")])
    }
    var message = EngineHarness.message(1)
    if !isDecodable {
      // The body becomes an extension, which JSON can't hold.
      message = [0x82, 0xA6] + Array("MsgKey".utf8) + [0xA1, 0x74, 0xA4] + Array("Body".utf8) + [0xD4, 5, 0]
    }
    harness.queue.state.withLock { _ = $0.add(message, to: EngineHarness.retry1) }
    try await harness.run { $0.total == 0 }
    #expect(log.rows.map(\.isAlive) == [false])
    #expect(log.rows.map(\.finalStatus) == [0])
    #expect(log.rows.first?.last.contains(isDecodable ? "no URL" : "extension") == true)
  }

  @Test func `the same ends of a message that never failed make no row`() async throws {
    var harness = harness { _ in .ok }
    harness.subscriptions = FixedSubscriptions([Subscription(id: 1, topic: "t", receptionChannel: "")])
    harness.publish([1])
    harness.queue.state.withLock { _ = $0.add([0xC1], to: EngineHarness.channel1) }
    try await harness.run { $0.total == 0 }
    #expect(log.entries.isEmpty)
  }

  // MARK: The store

  @Test(arguments: [true, false])
  func `a store that is down or hangs delays and loses no push, and gets all rows later`(
    hangs: Bool
  ) async throws {
    let harness = harness { Self.retry($0) == 0 ? .error500 : .ok }
    log.state.withLock { state in
      state.isHanging = hangs
      state.failure = hangs ? nil : StoreError(.unavailable, "down")
    }
    harness.publish(Array(0..<50))
    try await harness.run {
      try await harness.eventually("all is delivered") { harness.queue.state.withLock { $0.total } == 0 }
      #expect(harness.pusher.state.withLock { $0.urls.count } == 100)
      #expect(log.entries.isEmpty)
      log.state.withLock { state in
        state.isHanging = false
        state.failure = nil
      }
      try await harness.eventually("all rows are there") { log.rows.count == 50 }
    }
    #expect(log.rows.allSatisfy { !$0.isAlive && $0.finalStatus == 1 })
    if !hangs { #expect(log.entries.count == 50, "what waited was merged") }
  }

  @Test func `an entry that the store refuses is logged, and the others are written`() async throws {
    let harness = harness { Self.retry($0) == 0 ? .error500 : .ok }
    log.state.withLock { $0.refused = ["1.000000-3-1", "1.000000-4-1"] }
    harness.publish(Array(0..<9))
    try await harness.run { $0.total == 0 }
    #expect(log.rows.count == 7)
    #expect(log.rows.allSatisfy { !$0.isAlive })
  }

  @Test func `a directory that can't be written keeps no message from its way`() async throws {
    var harness = harness { Self.retry($0) == 0 ? .error500 : .ok }
    harness.configuration.dataDirectory = "/dev/null"
    harness.publish([1, 2])
    try await harness.run { $0.total == 0 }
    #expect(log.rows.map(\.finalStatus) == [1, 1])
  }

  // MARK: Restarts

  @Test func `what a stop leaves unwritten is written at the next start`() async throws {
    let directory = try TemporaryDirectory("failures")
    var harness = harness { Self.retry($0) == 0 ? .error500 : .ok }
    harness.configuration.dataDirectory = directory.path
    harness.configuration.failureLogDeadline = .milliseconds(20)
    log.state.withLock { $0.failure = StoreError(.unavailable, "down") }
    harness.publish([1, 2, 3])
    try await harness.run { $0.total == 0 }
    #expect(log.entries.isEmpty)
    log.state.withLock { $0.failure = nil }
    try await harness.run {
      try await harness.eventually("the rows are there") { log.rows.count == 3 }
    }
    #expect(log.rows.allSatisfy { !$0.isAlive && $0.finalStatus == 1 })
    #expect(directory.read(FailureJournal.fileName).isEmpty, "all is in the store")
  }

  @Test func `a message that comes back as if it were new has its row closed`() async throws {
    let directory = try TemporaryDirectory("failures")
    let isUp = Locked(false)
    var harness = harness { _ in isUp.withLock { $0 } ? .ok : .error500 }
    harness.configuration.dataDirectory = directory.path
    // The retry channel takes nothing, so the message is parked; the stop gives it back to its channel.
    harness.queue.state.withLock { $0.putFaults = [.none] + Array(repeating: .unavailable, count: 10_000) }
    harness.publish([1])
    try await harness.run {
      try await harness.eventually("the row is there") { log.rows.count == 1 }
    }
    try #require(harness.queue.state.withLock { $0.bodies(in: EngineHarness.channel1).count } == 1)
    #expect(log.rows.map(\.isAlive) == [true])

    harness.queue.state.withLock { $0.putFaults = [] }
    isUp.withLock { $0 = true }
    try await harness.run { $0.total == 0 }
    #expect(log.rows.map(\.isAlive) == [false])
    #expect(log.rows.map(\.finalStatus) == [1])
    #expect(log.rows.map(\.retryTimes) == [0])
    #expect(directory.read(FailureJournal.fileName).isEmpty)
  }
}
