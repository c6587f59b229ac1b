import Glibc
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDCore

private typealias Locked = MEDTestSupport.Locked

@Suite("§7 Failure journal: who waits for it")
struct FailureJournalTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.file(FailureJournal.fileName) }

  init() throws { directory = try TemporaryDirectory("journal") }

  private func close(_ journal: FailureJournal) async throws {
    let loop = try EventLoop.start(name: "test")
    defer { loop.stop() }
    await LoopActor(loop: loop).run { await journal.close(within: .seconds(20), on: $0.loop) }
  }

  private func content(_ job: Int) -> JournalRecord.Content { .entry(JournalFileTests.entry(job), isFirst: true) }

  private func reread() -> JournalState {
    var file = JournalFile(path: path)
    return file.open().state
  }

  @Test func `a record that was waited for is in the file`() async throws {
    let journal = FailureJournal(directory: directory.path)
    #expect(await journal.open().problem == nil)
    for job in 0..<100 {
      let sequence = journal.append(content(job))
      journal.signal()
      #expect(await journal.written(sequence))
      #expect(reread().waiting.count == job + 1)
    }
    journal.clear()
    try await close(journal)
    #expect(try JournalFileTests.contents(path).isEmpty)
    #expect(journal.append(content(1)) == 0)
    #expect(await !journal.written(1_000))
  }

  @Test func `numbers go on after a restart`() async throws {
    let first = FailureJournal(directory: directory.path)
    _ = await first.open()
    #expect(first.append(content(1)) == 1)
    #expect(first.append(content(2)) == 2)
    try await close(first)
    let second = FailureJournal(directory: directory.path)
    #expect(await second.open().state.waiting.count == 2)
    #expect(second.append(.stored(through: 1)) == 3)
    try await close(second)
    #expect(reread().waiting.map(\.entry.jobID) == ["1.000000-2-1"])
  }

  @Test func `a disk that is full holds up nobody, and what it couldn't take is written when it can`() async throws {
    let isFull = Locked(true)
    let journal = FailureJournal(
      JournalFile(
        path: path,
        write: { descriptor, bytes, offset in
          guard isFull.withLock({ !$0 }) else {
            errno = ENOSPC
            return -1
          }
          return JournalFile.systemWrite(descriptor, bytes, offset)
        }))
    _ = await journal.open()
    let sequence = journal.append(content(1))
    journal.signal()
    #expect(await !journal.written(sequence))
    #expect(journal.health.problem?.contains("No space left") == true)
    isFull.withLock { $0 = false }
    let next = journal.append(content(2))
    journal.signal()
    #expect(await journal.written(next))
    #expect(journal.health == FailureJournal.Health())
    try await close(journal)
    #expect(reread().waiting.count == 2)
  }

  @Test func `a disk that hangs is waited for once, then not at all until it answers`() async throws {
    let hangs = Locked(true)
    let journal = FailureJournal(
      JournalFile(
        path: path,
        write: { descriptor, bytes, offset in
          while hangs.withLock({ $0 }) { usleep(1_000) }  // why: it is a disk that hangs
          return JournalFile.systemWrite(descriptor, bytes, offset)
        }))
    _ = await journal.open()
    let first = journal.append(content(1))
    journal.signal()
    async let waited = journal.written(first)
    defer { hangs.withLock { $0 = false } }
    try await eventually("somebody waits") { journal.monitor.withLock { !$0.waiters.isEmpty } }
    #expect(journal.releaseLate(after: .seconds(3_600)))
    #expect(!journal.releaseLate(after: .zero))
    #expect(await !waited)
    let second = journal.append(content(2))
    journal.signal()
    #expect(await !journal.written(second))
    hangs.withLock { $0 = false }
    try await eventually("the disk answers again") { await journal.written(second) }
    try await close(journal)
    #expect(reread().waiting.count == 2)
  }

  @Test func `what waits for the disk is bounded, and what is dropped is counted`() async throws {
    let hangs = Locked(true)
    let journal = FailureJournal(
      JournalFile(
        path: path,
        write: { descriptor, bytes, offset in
          while hangs.withLock({ $0 }) { usleep(1_000) }  // why: it is a disk that hangs
          return JournalFile.systemWrite(descriptor, bytes, offset)
        }))
    _ = await journal.open()
    let large = JournalRecord.Content.entry(
      JournalFileTests.entry(1, text: String(repeating: "x", count: 1 << 20)), isFirst: false)
    // The thread takes some with it before it hangs.
    var kept = 0
    for _ in 0..<40 { kept += journal.append(large) > 0 ? 1 : 0 }
    #expect(kept < 20)
    #expect(journal.health.dropped == UInt64(40 - kept))
    #expect(journal.monitor.withLock { $0.bytes } <= FailureJournal.maximumWaiting)
    hangs.withLock { $0 = false }
    try await close(journal)
  }

  @Test func `a directory that isn't there is a problem of the journal alone`() async throws {
    let journal = FailureJournal(directory: directory.file("missing"))
    _ = await journal.open()
    let sequence = journal.append(content(1))
    journal.signal()
    #expect(await !journal.written(sequence))
    #expect(journal.health.problem != nil)
    try await close(journal)
  }
}
