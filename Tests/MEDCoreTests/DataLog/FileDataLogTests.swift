import Glibc
import Testing

import class MEDLoop.Monitor

@testable import MEDCore

@Suite("§6 DATA log: group commit", .timeLimit(.minutes(1)))
struct GroupCommitTests {
  /// Holds every fsync of a file until it is let through.
  final class Gate: Sendable {
    private let waiting = LogShared(0)
    private let open = LogShared(false)
    private let monitor = Monitor(false)

    var isWaiting: Bool { waiting.with { $0 > 0 } }

    func pass() {
      waiting.with { $0 += 1 }
      monitor.proceed { isOpen in isOpen ? .proceed(()) : .wait(until: nil) }
    }

    func release() {
      monitor.withLock { $0 = true }
      monitor.signal()
    }
  }

  static func isDirectory(_ descriptor: Int32) -> Bool {
    FileOperations.system.statusOfOpen(descriptor).map { !$0.isRegular } ?? false
  }

  @Test func `one fsync serves all that came while another one ran`() async throws {
    let scratch = try LogDirectory()
    let gate = Gate()
    var operations = FileOperations.system
    operations.sync = { descriptor in
      if !Self.isDirectory(descriptor) { gate.pass() }
      return FileOperations.system.sync(descriptor)
    }
    let log = FileDataLog(
      directory: scratch.path, naming: .single, limits: DataLogLimits(), operations: operations, now: { logNoon })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await log.commit(logRecord(0)) }
      try await logEventually { gate.isWaiting }
      for number in 1...500 { group.addTask { try await log.commit(logRecord(number)) } }
      try await logEventually { log.health.commitsWaiting == 501 }
      gate.release()
      try await group.waitForAll()
    }
    #expect(log.health.syncs == 2)
    #expect(log.health.recordsWritten == 501)
    #expect(log.health.commitsWaiting == 0)
    #expect(Set(loggedJobIDs(scratch.read("data.log") ?? [])) == Set(0...500))
    try await log.close()
  }

  @Test func `writes and commits keep their order, and writes are synced with the commit`() async throws {
    let scratch = try LogDirectory()
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    for number in 0..<100 { log.write(logRecord(number)) }
    try await log.commit(logRecord(100))
    for number in 101..<200 { log.write(logRecord(number)) }
    try await log.flush()
    #expect(loggedJobIDs(scratch.read("data.log") ?? []) == Array(0..<200))
    try await log.close()
  }

  @Test func `a cancelled task gets the disk's answer`() async throws {
    let scratch = try LogDirectory()
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await log.commit(logRecord(1))
    }
    try await task.value
    #expect(loggedJobIDs(scratch.read("data.log") ?? []) == [1])
    try await log.close()
  }

  @Test func `commits past the bound are refused, and those before are answered`() async throws {
    let scratch = try LogDirectory()
    let gate = Gate()
    var operations = FileOperations.system
    operations.sync = { descriptor in
      if !Self.isDirectory(descriptor) { gate.pass() }
      return FileOperations.system.sync(descriptor)
    }
    var limits = DataLogLimits()
    limits.commits = 3
    let log = FileDataLog(
      directory: scratch.path, naming: .single, limits: limits, operations: operations, now: { logNoon })
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<3 { group.addTask { try await log.commit(logRecord(number)) } }
      try await logEventually { log.health.commitsWaiting == 3 }
      await #expect(throws: DataLogError(.tooManyWaiting)) { try await log.commit(logRecord(3)) }
      gate.release()
      try await group.waitForAll()
    }
    #expect(log.health.commitsFailed == 1)
    #expect(Set(loggedJobIDs(scratch.read("data.log") ?? [])) == [0, 1, 2])
    try await log.close()
  }

  @Test func `a full buffer drops writes and counts them, and commits have room beyond`() async throws {
    let scratch = try LogDirectory()
    let gate = Gate()
    var operations = FileOperations.system
    operations.sync = { descriptor in
      if !Self.isDirectory(descriptor) { gate.pass() }
      return FileOperations.system.sync(descriptor)
    }
    var limits = DataLogLimits()
    limits.bufferBytes = 1000
    let log = FileDataLog(
      directory: scratch.path, naming: .single, limits: limits, operations: operations, now: { logNoon })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await log.commit(logRecord(0)) }
      try await logEventually { gate.isWaiting }
      for number in 1...100 { log.write(logRecord(number)) }
      let kept = 100 - log.health.recordsDropped
      #expect(1..<20 ~= kept)
      #expect(log.health.bytesHeld < 1200)
      group.addTask { try await log.commit(logRecord(1000)) }
      try await logEventually { log.health.commitsWaiting == 2 }
      var large = logRecord(2000)
      large.payload = [UInt8](repeating: 0, count: 2000)
      group.addTask { [large] in try await log.commit(large) }
      try await logEventually { log.health.commitsWaiting == 3 }
      await #expect(throws: DataLogError(.bufferFull)) { try await log.commit(logRecord(3000)) }
      gate.release()
      try await group.waitForAll()
      #expect(log.health.recordsWritten == 3 + kept)
    }
    #expect(Set(loggedJobIDs(scratch.read("data.log") ?? [])).isSuperset(of: [0, 1, 1000, 2000]))
    try await log.close()
  }
}

@Suite("§6 DATA log: on a real disk", .timeLimit(.minutes(1)))
struct FileDataLogTests {
  let scratch: LogDirectory

  init() throws { scratch = try LogDirectory() }

  func ids(_ name: String = "data.log") -> [UInt64] { loggedJobIDs(scratch.read(name) ?? []) }

  @Test func `a write reaches the file by itself`() async throws {
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    log.write(logRecord(1))
    try await logEventually { ids() == [1] }
    for number in 2...2000 { log.write(logRecord(number)) }
    try await logEventually { ids().count == 2000 }
    #expect(log.health.syncs == 0)
    try await log.close()
    #expect(log.health.syncs == 1)
  }

  @Test func `files can be read by the group and by nobody else`() async throws {
    let log = FileDataLog(directory: scratch.path + "/made/for/it", splitByDay: false)
    try await log.commit(logRecord(1))
    var status = stat()
    #expect(stat(scratch.path + "/made/for/it/data.log", &status) == 0)
    #expect(status.st_mode & 0o137 == 0 && status.st_mode & 0o600 == 0o600)
    #expect(log.health.path == scratch.path + "/made/for/it/data.log")
    try await log.close()
  }

  @Test func `without records there is no file and nothing to close`() async throws {
    let log = FileDataLog(directory: scratch.path)
    try await log.close()
    #expect(scratch.names == [])
    await #expect(throws: DataLogError(.closed)) { try await log.commit(logRecord(1)) }
    log.write(logRecord(2))
    #expect(log.health.recordsDropped == 1)
  }

  @Test func `closing writes what is left, twice does no harm, and later commits throw`() async throws {
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    for number in 0..<10 { log.write(logRecord(number)) }
    try await log.close()
    try await log.close()
    #expect(ids() == Array(0..<10))
    await #expect(throws: DataLogError(.closed)) { try await log.commit(logRecord(10)) }
    await #expect(throws: DataLogError(.closed)) { try await log.flush() }
  }

  @Test func `a log that is let go of writes what it has`() async throws {
    FileDataLog(directory: scratch.path, splitByDay: false).write(logRecord(1))
    try await logEventually { ids() == [1] }
  }

  @Test func `an existing file is appended to, behind a torn line`() async throws {
    try scratch.write("data.log", Array("2026-11-23T12:00:00.000000Z SENT {\"top".utf8))
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    try await log.commit(logRecord(1))
    try await log.close()
    let again = FileDataLog(directory: scratch.path, splitByDay: false)
    try await again.commit(logRecord(2))
    try await again.close()
    let lines = scratch.text("data.log")?.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines?.count == 4 && lines?.first?.hasSuffix("{\"top") == true && lines?.last == "")
    #expect(ids() == [1, 2])
  }

  @Test func `the day is told by the clock, in UTC`() async throws {
    let time = LogShared(RecordTime("2026-11-23T23:59:59.999999Z") ?? logNoon)
    let log = FileDataLog(
      directory: scratch.path, naming: .daily, limits: DataLogLimits(), operations: .system,
      now: { time.with { $0 } })
    try await log.commit(logRecord(1))
    time.with { $0.microseconds += 1 }
    try await log.commit(logRecord(2))
    try await log.close()
    #expect(scratch.names == ["data.2026-11-23.log", "data.2026-11-24.log"])
    #expect(scratch.text("data.2026-11-24.log")?.hasPrefix("2026-11-24T00:00:00.000000Z REDISTFAIL {") == true)
  }

  @Test func `a renamed file is noticed, by commits at once`() async throws {
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    try await log.commit(logRecord(1))
    rename(scratch.path + "/data.log", scratch.path + "/data.log.1")
    try await log.commit(logRecord(2))
    #expect(ids("data.log.1") == [1] && ids() == [2])
    rename(scratch.path + "/data.log", scratch.path + "/data.log.2")
    var number = 3
    try await logEventually {
      log.write(logRecord(number))
      number += 1
      return scratch.names.contains("data.log")
    }
    try await log.close()
    #expect(Set(ids("data.log.2") + ids()) == Set(2..<UInt64(number)))
  }

  @Test func `reopen leaves the renamed file at once, without a record`() async throws {
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    try await log.commit(logRecord(1))
    rename(scratch.path + "/data.log", scratch.path + "/data.log.1")
    log.reopen()
    try await logEventually { scratch.names == ["data.log", "data.log.1"] }
    try await log.close()
  }

  @Test func `a directory that is removed is made again`() async throws {
    let directory = scratch.path + "/log"
    let log = FileDataLog(directory: directory, splitByDay: false)
    try await log.commit(logRecord(1))
    #expect(unlink(directory + "/data.log") == 0 && rmdir(directory) == 0)
    try await log.commit(logRecord(2))
    #expect(ids("log/data.log") == [2])
    try await log.close()
  }

  @Test func `while the directory can't be made commits throw, and then all is well again`() async throws {
    let directory = scratch.path + "/log"
    try scratch.write("log", [])
    let log = FileDataLog(directory: directory, splitByDay: false)
    log.write(logRecord(1))
    let expected = DataLogError(.open, errno: ENOTDIR, path: directory + "/data.log")
    await #expect(throws: expected) { try await log.commit(logRecord(2)) }
    #expect(expected.description == "DATA log: can't open \(directory)/data.log: Not a directory (errno 20)")
    #expect(!log.health.isWritable && log.health.lastError == expected && log.health.commitsFailed == 1)
    #expect(unlink(directory) == 0)
    try await log.commit(logRecord(3))
    #expect(ids("log/data.log") == [1, 3], "the write was kept, the commit that threw was not")
    #expect(log.health.isWritable && log.health.lastErrorTime != nil)
    try await log.close()
  }

  @Test func `writes alone are tried again while the log fails`() async throws {
    let directory = scratch.path + "/log"
    try scratch.write("log", [])
    var limits = DataLogLimits()
    (limits.batchInterval, limits.retryInterval) = (1_000_000, 1_000_000)
    let log = FileDataLog(
      directory: directory, naming: .single, limits: limits, operations: .system, now: RecordTime.now)
    log.write(logRecord(1))
    try await logEventually { !log.health.isWritable }
    #expect(unlink(directory) == 0)
    try await logEventually { ids("log/data.log") == [1] }
    try await logEventually { log.health.isWritable && log.health.recordsWritten == 1 }
    try await log.close()
  }

  @Test func `closing tells if what was left could not be written`() async throws {
    try scratch.write("log", [])
    let log = FileDataLog(directory: scratch.path + "/log", splitByDay: false)
    log.write(logRecord(1))
    await #expect(throws: DataLogError.self) { try await log.close() }
    #expect(log.health.recordsDropped == 1 && log.health.recordsWritten == 0)
  }

  @Test func `what is no regular file is never written`() async throws {
    #expect(symlink("/dev/full", scratch.path + "/data.log") == 0)
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    try await log.commit(logRecord(1))
    #expect(ids("data.1.log") == [1])
    #expect(log.health.lastError?.code == .open)
    try await log.close()
  }

  @Test(.enabled(if: getuid() == 0, "mounting a small file system takes root"))
  func `a full disk makes commits throw, and they succeed once there is room`() async throws {
    guard mount("none", scratch.path, "tmpfs", 0, "size=256k") == 0 else {
      try Test.cancel("no mounts here: errno \(errno)")
    }
    defer { umount2(scratch.path, 2) }
    var large = logRecord(1)
    large.payload = [UInt8](repeating: 7, count: 30_000)
    let log = FileDataLog(directory: scratch.path, splitByDay: false)
    var kept = 0
    var failure: DataLogError?
    while failure == nil && kept < 100 {
      large.jobID = UInt64(kept)
      do {
        try await log.commit(large)
        kept += 1
      } catch {
        failure = error as? DataLogError
      }
    }
    #expect(failure?.code == .write && failure?.errno == ENOSPC)
    #expect(1..<10 ~= kept)
    for _ in 0..<20 { await #expect(throws: DataLogError.self) { try await log.commit(large) } }
    #expect(scratch.names == ["data.log"], "failed attempts leave nothing behind")
    rename(scratch.path + "/data.log", scratch.path + "/data.old")
    let old = ids("data.old")
    #expect(truncate(scratch.path + "/data.old", 0) == 0)
    large.jobID = 1000
    try await log.commit(large)
    #expect(old.starts(with: (0..<UInt64(kept)).map { $0 }))
    #expect(ids() == [1000])
    try await log.close()
  }
}

@Suite("§6 DATA log: in memory")
struct MemoryDataLogTests {
  @Test func `it keeps records and fails when told to`() async throws {
    let log = MemoryDataLog(limit: 3)
    log.write(logRecord(1))
    try await log.commit(logRecord(2))
    log.failure = DataLogError(.injected)
    log.write(logRecord(3))
    await #expect(throws: DataLogError(.injected)) { try await log.commit(logRecord(4)) }
    log.failure = nil
    try await log.commit(logRecord(5))
    await #expect(throws: DataLogError(.bufferFull)) { try await log.commit(logRecord(6)) }
    #expect(log.records == [logRecord(1), logRecord(2), logRecord(5)])
    #expect(log.committed == [logRecord(2), logRecord(5)])
    #expect(log.dropped == 1)
  }
}
