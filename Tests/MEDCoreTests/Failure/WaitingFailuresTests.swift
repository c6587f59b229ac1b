import Testing

@testable import MEDCore

@Suite("§7 Failure log: what waits for the store")
struct WaitingFailuresTests {
  private func entry(_ job: Int, _ retry: UInt64 = 0, _ end: FailureEntry.End? = nil, size: Int = 0) -> FailureEntry {
    let text = "failure \(retry)"
    return FailureEntry(
      subscription: 1, jobID: "\(job)", message: [UInt8](repeating: 0, count: size), time: Int64(retry),
      firstFailure: end == .delivered ? nil : text, lastFailure: retry > 0 && end != .delivered ? text : nil,
      lastTarget: "target \(retry)", retryTimes: retry, lastRetryTime: Int64(retry), end: end)
  }

  @Test func `changes of one message are merged, and nothing that a row holds is lost`() throws {
    var waiting = WaitingFailures()
    waiting.append(entry(1), sequence: 1)
    waiting.append(entry(2), sequence: 2)
    for retry in 1...3 { waiting.append(entry(1, UInt64(retry)), sequence: 2 + UInt64(retry)) }
    waiting.append(entry(1, 4, .delivered), sequence: 6)
    #expect(waiting.count == 2)
    let taken = waiting.take(count: 10, bytes: 1 << 20)
    #expect(taken.map(\.entry.jobID) == ["1", "2"])
    let merged = try #require(taken.first)
    #expect(merged.sequence == 6)
    #expect(merged.entry.firstFailure == "failure 0")
    #expect(merged.entry.lastFailure == "failure 3")
    #expect(merged.entry.lastTarget == "target 4")
    #expect(merged.entry.time == 0)
    #expect(merged.entry.retryTimes == 4)
    #expect(merged.entry.lastRetryTime == 4)
    #expect(merged.entry.end == .delivered)
    #expect(waiting.isEmpty && waiting.bytes == 0)
  }

  @Test func `a message that fails again after its end is open again`() throws {
    var waiting = WaitingFailures()
    waiting.append(entry(1, 2, .delivered), sequence: 1)
    waiting.append(entry(1, 1), sequence: 2)
    let merged = try #require(waiting.takeAll().first)
    #expect(merged.entry.end == nil)
    #expect(merged.entry.retryTimes == 2)
  }

  @Test func `what could not be written is first again, with what has come since`() {
    var waiting = WaitingFailures()
    for job in 1...3 { waiting.append(entry(job), sequence: UInt64(job)) }
    let taken = waiting.take(count: 2, bytes: 1 << 20)
    #expect(taken.map(\.entry.jobID) == ["1", "2"])
    waiting.append(entry(1, 1, .givenUp), sequence: 4)
    waiting.giveBack(taken)
    let all = waiting.takeAll()
    #expect(Set(all.map(\.entry.jobID)) == ["1", "2", "3"])
    #expect(all.first?.entry.jobID == "2")
    let one = all.first { $0.entry.jobID == "1" }
    #expect(one?.entry.firstFailure == "failure 0")
    #expect(one?.entry.lastFailure == "failure 1")
    #expect(one?.entry.end == .givenUp)
    #expect(one?.sequence == 4)
    #expect(waiting.isEmpty && waiting.bytes == 0)
  }

  @Test func `a batch is bounded by number and by bytes, and never empty`() {
    var waiting = WaitingFailures()
    for job in 0..<10 { waiting.append(entry(job, size: 1_000), sequence: 0) }
    #expect(waiting.take(count: 3, bytes: 1 << 20).count == 3)
    #expect(waiting.take(count: 3, bytes: 1).count == 1)
    #expect(waiting.take(count: 10, bytes: 2_000).count == 2)
    #expect(waiting.count == 4)
  }

  @Test func `new messages are refused when it is full, and ends have room beyond`() {
    var waiting = WaitingFailures()
    for job in 0..<WaitingFailures.maximumCount { waiting.append(entry(job), sequence: 0) }
    #expect(!waiting.hasRoom(for: entry(-1)))
    #expect(waiting.hasRoom(for: entry(-1, 1, .delivered)))
    for job in 0..<(WaitingFailures.maximumCount / 2) { waiting.append(entry(-1 - job, 1, .delivered), sequence: 0) }
    #expect(!waiting.hasRoom(for: entry(1_000_000, 1, .delivered)))
  }

  @Test func `bytes are bounded too`() {
    var waiting = WaitingFailures()
    let size = 1 << 20
    while waiting.hasRoom(for: entry(waiting.count, size: size)) {
      waiting.append(entry(waiting.count, size: size), sequence: 0)
    }
    #expect(waiting.bytes <= WaitingFailures.maximumBytes)
    #expect(waiting.count == WaitingFailures.maximumBytes / size - 1)
    #expect(waiting.hasRoom(for: entry(-1, 1, .delivered, size: size)))
  }

  @Test func `known rows are forgotten by generations`() {
    var rows = KnownRows()
    let keys = (0..<(3 * KnownRows.generation)).map { FailureKey(subscription: 1, jobID: "\($0)") }
    for (row, key) in keys.enumerated() { rows.set(row, for: key) }
    #expect(rows.count <= 2 * KnownRows.generation)
    #expect(rows[keys[0]] == nil)
    #expect(rows[keys[keys.count - 1]] == keys.count - 1)
    rows.forget(keys[keys.count - 1])
    #expect(rows[keys[keys.count - 1]] == nil)
  }
}
