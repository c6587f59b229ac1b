import Glibc
import Testing

@testable import MEDCore

@Suite("§4 §6 The drop log", .timeLimit(.minutes(1)))
struct FileDropLogTests {
  private let scratch: LogDirectory

  init() throws { scratch = try LogDirectory() }

  private static func record(_ number: Int, of subscription: Int) -> DataRecord {
    DataRecord(.dropped, topic: "t", subscription: subscription, jobID: UInt64(number), payload: [0, 1, 2])
  }

  private func log(
    bound: Int = 4, _ operations: FileOperations = .system, now: @escaping @Sendable () -> RecordTime = { logNoon }
  ) -> FileDropLog {
    FileDropLog(directory: scratch.path, bound: bound, operations: operations, now: now)
  }

  private func name(_ subscription: Int, _ seconds: Int64 = logNoon.microseconds / 1_000_000) -> String {
    "subscription_\(subscription)_\(seconds).data"
  }

  @Test func `each subscription has a file of its own, whose lines the reader knows`() async throws {
    let log = log()
    for number in 0..<10 { try await log.commit(Self.record(number, of: 1 + number % 2)) }
    #expect(scratch.names == [name(1), name(2)])
    let line = try DataLogLine(parsing: #require(scratch.read(name(2))).prefix { $0 != 0x0A })
    #expect(line == DataLogLine(time: logNoon, record: Self.record(1, of: 2)))
    #expect(loggedJobIDs(scratch.read(name(1)) ?? []) == [0, 2, 4, 6, 8])
    await log.close()
    await #expect(throws: DataLogError(.closed)) { try await log.commit(Self.record(0, of: 1)) }
  }

  @Test func `few files are open however many subscriptions drop, and each goes on with its own`() async throws {
    let seconds = LogShared(Int64(0))
    // Every look at the clock is a second later: a new file would have another name.
    let log = log(bound: 4) {
      seconds.with { seconds in
        seconds += 1
        return RecordTime(microseconds: logNoon.microseconds + seconds * 1_000_000)
      }
    }
    for number in 0..<100 {
      try await log.commit(Self.record(number, of: 1 + number % 20))
      #expect(log.openCount <= 4)
    }
    #expect(scratch.names.count == 20)
    for name in scratch.names { #expect(loggedJobIDs(scratch.read(name) ?? []).count == 5) }
    await log.close()
  }

  @Test func `many at once share the places, and all are stored`() async throws {
    let log = log(bound: 3)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 { group.addTask { try await log.commit(Self.record(number, of: 1 + number % 10)) } }
      try await group.waitForAll()
    }
    #expect(log.openCount <= 3)
    #expect(log.waitingCount == 0)
    #expect(Set(scratch.names.flatMap { loggedJobIDs(scratch.read($0) ?? []) }) == Set(0..<200))
    await log.close()
  }

  @Test func `while all places wait for the disk the next one waits too, and a close lets it go`() async throws {
    let gate = GroupCommitTests.Gate()
    var operations = FileOperations.system
    operations.sync = { descriptor in
      if !GroupCommitTests.isDirectory(descriptor) { gate.pass() }
      return FileOperations.system.sync(descriptor)
    }
    let log = log(bound: 1, operations)
    let first = Task { try await log.commit(Self.record(1, of: 1)) }
    try await logEventually { gate.isWaiting }
    let second = Task { try await log.commit(Self.record(2, of: 2)) }
    try await logEventually { log.waitingCount == 1 }
    let closing = Task { await log.close() }
    await #expect(throws: DataLogError(.closed)) { try await second.value }
    gate.release()
    try await first.value
    await closing.value
    #expect(scratch.names == [name(1)])
  }

  @Test func `after a failed fsync a new file is begun, and what was not confirmed is there`() async throws {
    // The second one fails: the file holds what was confirmed by the first, and stays.
    let failures = LogShared(2)
    var operations = FileOperations.system
    operations.sync = { descriptor in
      if GroupCommitTests.isDirectory(descriptor) { return FileOperations.system.sync(descriptor) }
      let fails = failures.with { left in
        left -= 1
        return left == 0
      }
      return fails ? -EIO : FileOperations.system.sync(descriptor)
    }
    let log = log(bound: 4, operations)
    for number in 1...3 { try await log.commit(Self.record(number, of: 7)) }
    let successor = "subscription_7_\(logNoon.microseconds / 1_000_000).1.data"
    #expect(loggedJobIDs(scratch.read(successor) ?? []) == [2, 3])
    await log.close()
  }

  @Test func `one that can't be written says so, and works when it can again`() async throws {
    let isBroken = LogShared(true)
    var operations = FileOperations.system
    operations.write = { descriptor, bytes in
      isBroken.with { $0 } ? -Int(ENOSPC) : FileOperations.system.write(descriptor, bytes)
    }
    let log = log(bound: 4, operations)
    let failure = await #expect(throws: DataLogError.self) { try await log.commit(Self.record(1, of: 7)) }
    #expect(failure?.code == .write && failure?.errno == ENOSPC)
    isBroken.with { $0 = false }
    try await log.commit(Self.record(1, of: 7))
    let stored = scratch.names.flatMap { loggedJobIDs(scratch.read($0) ?? []) }
    #expect(stored == [1])
    await log.close()
  }
}
