import Glibc
import MEDTestSupport
import Testing

@testable import MEDCore

@Suite("§7 Failure journal: the file")
struct JournalFileTests {
  static func entry(_ job: Int, _ retry: UInt64 = 0, _ end: FailureEntry.End? = nil, text: String = "é") -> FailureEntry
  {
    FailureEntry(
      subscription: -1, jobID: "1.000000-\(job)-1", topicID: 2, subscriberID: 3, logID: UInt64.max, messageTime: 1.5,
      message: [0x80, 0xFF], time: 1_700_000_000, firstFailure: text, lastFailure: retry > 0 ? text : nil,
      lastTarget: "t", retryTimes: retry, lastRetryTime: Int64(retry), end: end)
  }

  static func bytes(_ contents: [JournalRecord.Content]) -> [UInt8] {
    var bytes = JournalFormat.magic
    for (index, content) in contents.enumerated() {
      JournalFormat.append(JournalRecord(sequence: UInt64(index + 1), content: content), to: &bytes)
    }
    return bytes
  }

  static func records(_ bytes: [UInt8]) -> (records: [JournalRecord], good: Int) {
    var records: [JournalRecord] = []
    let good = JournalFormat.read(bytes) { records.append($0) }
    return (records, good)
  }

  private static let everyKind: [JournalRecord.Content] = [
    .entry(entry(1), isFirst: true), .entry(entry(1, 2, .delivered), isFirst: false), .stored(through: 2), .settled(1),
    .unsettled(FailureKey(subscription: 9, jobID: "x"), time: -5), .entry(entry(2, 1, .givenUp), isFirst: false),
  ]

  @Test func `what is written is read`() {
    let bytes = Self.bytes(Self.everyKind)
    let (records, good) = Self.records(bytes)
    #expect(records.map(\.content) == Self.everyKind)
    #expect(records.map(\.sequence) == [1, 2, 3, 4, 5, 6])
    #expect(good == bytes.count)
  }

  @Test func `wherever a file is cut off, all records before are read and none after`() {
    let bytes = Self.bytes(Self.everyKind)
    var ends = [JournalFormat.magic.count]
    for count in 1...Self.everyKind.count { ends.append(Self.bytes(Array(Self.everyKind.prefix(count))).count) }
    for length in 0...bytes.count {
      let (records, good) = Self.records(Array(bytes.prefix(length)))
      #expect(good == ends.last { $0 <= length } ?? 0)
      #expect(records.count == max(0, ends.count { $0 <= length } - 1))
    }
  }

  @Test func `whatever byte is damaged, no record is made up`() {
    let bytes = Self.bytes(Self.everyKind)
    let intact = Self.records(bytes).records
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0x41
      let found = Self.records(damaged).records
      #expect(found.elementsEqual(intact.prefix(found.count)))
      #expect(found.count < intact.count)
    }
  }

  @Test func `noise is no journal, and a length without end allocates nothing`() {
    #expect(Self.records([]).good == 0)
    #expect(Self.records(Array("nothing of ours".utf8)).good == 0)
    let endless = JournalFormat.magic + [UInt8](repeating: 0xFF, count: 40)
    #expect(Self.records(endless).good == JournalFormat.magic.count)
  }

  // MARK: The file

  @Test func `a file that is opened again says what it said, and goes on behind a torn tail`() throws {
    let directory = try TemporaryDirectory("journal")
    let path = directory.file("failures.journal")
    var file = JournalFile(path: path)
    #expect(file.open().state.waiting.isEmpty)
    #expect(file.append(Self.body([.entry(Self.entry(1), isFirst: true)], from: 1)) == nil)
    file.close()
    var torn = try Self.contents(path)
    let good = torn.count
    torn += Self.body([.entry(Self.entry(2), isFirst: true)], from: 2).dropLast(3)
    try Self.write(torn, path)

    var second = JournalFile(path: path)
    let found = second.open()
    #expect(found.state.waiting.map(\.entry) == [Self.entry(1)])
    #expect(found.state.lastSequence == 1)
    #expect(found.problem != nil)
    #expect(second.size == good)
    #expect(second.append(Self.body([.entry(Self.entry(3), isFirst: false)], from: 2)) == nil)
    second.close()
    var third = JournalFile(path: path)
    let all = third.open()
    #expect(all.problem == nil)
    #expect(all.state.waiting.map(\.entry) == [Self.entry(1), Self.entry(3)])
    #expect(third.clear() == nil)
    #expect(try Self.contents(path).isEmpty)
    #expect(third.append(Self.body([.entry(Self.entry(4), isFirst: false)], from: 3)) == nil)
    third.close()
    var fourth = JournalFile(path: path)
    #expect(fourth.open().state.waiting.map(\.entry) == [Self.entry(4)])
  }

  @Test func `bodies of messages are readable by the owner alone`() throws {
    let directory = try TemporaryDirectory("journal")
    var file = JournalFile(path: directory.file("j"))
    _ = file.open()
    #expect(file.append(Self.body([.settled(1)], from: 1)) == nil)
    var status = stat()
    #expect(stat(directory.file("j"), &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
  }

  @Test func `a disk that fills up in the middle of a record leaves the records before, and the file goes on later`()
    throws
  {
    let directory = try TemporaryDirectory("journal")
    let path = directory.file("j")
    let room = Locked(200)
    var file = JournalFile(
      path: path,
      write: { descriptor, bytes, offset in
        let left = room.withLock { $0 } - offset
        guard left > 0 else {
          errno = ENOSPC
          return -1
        }
        return JournalFile.systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(left)), offset)
      })
    _ = file.open()
    #expect(file.append(Self.body([.entry(Self.entry(1), isFirst: false)], from: 1)) == nil)
    let size = file.size
    let problem = file.append(Self.body([.entry(Self.entry(2), isFirst: false)], from: 2))
    #expect(problem?.contains("No space left") == true)
    #expect(file.size == size)
    #expect(try Self.contents(path).count == size)
    room.withLock { $0 = 1 << 20 }
    #expect(file.append(Self.body([.entry(Self.entry(2), isFirst: false)], from: 2)) == nil)
    file.close()
    var again = JournalFile(path: path)
    #expect(again.open().state.waiting.map(\.entry) == [Self.entry(1), Self.entry(2)])
  }

  @Test func `what the store has is left out when the file has grown, and the file stays small`() throws {
    let directory = try TemporaryDirectory("journal")
    let time = Locked(Int64(1_700_000_000))
    var file = JournalFile(path: directory.file("j"), smallest: 400_000, now: { time.withLock { $0 } })
    _ = file.open()
    let text = String(repeating: "x", count: 400)
    var sequence: UInt64 = 1
    var largest = 0
    for job in 0..<8_000 {
      time.withLock { $0 += 1 }
      // Every hundredth stays; one of those isn't settled either.
      let kept = job % 100 == 0
      var contents: [JournalRecord.Content] = [.entry(Self.entry(job, text: text), isFirst: true)]
      if !kept { contents += [.stored(through: sequence), .settled(sequence)] }
      #expect(file.append(Self.body(contents, from: sequence)) == nil)
      sequence += UInt64(contents.count)
      largest = max(largest, file.size)
    }
    #expect(largest <= 400_000)
    file.close()
    var again = JournalFile(path: directory.file("j"))
    let state = again.open().state
    #expect(state.waiting.map(\.entry.jobID) == (0..<80).map { "1.000000-\($0 * 100)-1" })
    #expect(state.unsettled(since: 0).count == 80)
    #expect(state.lastSequence >= sequence - 3)
  }

  @Test func `a file never grows past its bound`() throws {
    let directory = try TemporaryDirectory("journal")
    let limit = 1 << 20
    var file = JournalFile(path: directory.file("j"), limit: limit, smallest: limit / 16, now: { 1 })
    _ = file.open()
    let text = String(repeating: "x", count: limit / 64)
    var refused: String?
    for job in 0..<100 where refused == nil {
      refused = file.append(Self.body([.entry(Self.entry(job, text: text), isFirst: false)], from: UInt64(job + 1)))
    }
    #expect(refused?.contains("is full") == true)
    #expect(file.size <= limit)
    #expect(file.size > limit - limit / 32)
    #expect(file.clear() == nil)
    #expect(file.append(Self.body([.entry(Self.entry(1, text: text), isFirst: false)], from: 1)) == nil)
  }

  static func body(_ contents: [JournalRecord.Content], from first: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, content) in contents.enumerated() {
      JournalFormat.append(JournalRecord(sequence: first + UInt64(index), content: content), to: &bytes)
    }
    return bytes
  }

  static func contents(_ path: String) throws -> [UInt8] { try SnapshotFile.read(path).get() }

  static func write(_ bytes: [UInt8], _ path: String) throws {
    #expect(SnapshotFile.write(bytes, to: path, isDurable: false) == nil)
  }
}
