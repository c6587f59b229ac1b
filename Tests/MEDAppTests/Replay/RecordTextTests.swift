import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§14 medctl log: what is shown")
struct RecordTextTests {
  private let time = replayTime(0)

  /// Everything that could act on a terminal, in every field that a log has from outside.
  private static let evil = "\u{1b}[2J\u{9b}31m\u{202e}\r\n\u{7f}\u{0}"

  private var evilRecords: [DataRecord] {
    var withMessage = replayRecord(1, .exhausted)
    withMessage.topic = Self.evil
    withMessage.tube = Self.evil
    withMessage.queueServer = Self.evil
    withMessage.reason = Self.evil
    withMessage.payload =
      TestMessage(
        topic: Self.evil, body: [.string(Self.evil): .string(Self.evil)], sender: Self.evil, context: Self.evil
      ).encoded
    let push = DataRecord.Push(
      jobID: Self.evil, delivered: false, status: -1, elapsed: .microseconds(1500), target: Self.evil,
      body: Array("{\"x\":\"\u{9b}\u{202e}\u{7f}\"}".utf8))
    return [
      withMessage, DataRecord(.sent, topic: Self.evil, push: push),
      DataRecord(.undecodable, reason: Self.evil, payload: Array(Self.evil.utf8)),
    ]
  }

  @Test func `nothing that a log holds acts on the terminal`() {
    for record in evilRecords {
      let line = DataLogLine(time: time, record: record)
      let texts = [
        RecordText.text(line), String(decoding: RecordJSON.line(line, offset: 0, file: Self.evil), as: UTF8.self),
      ]
      for text in texts {
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || !$0.actsOnTerminals }, "\(text)")
      }
    }
  }

  @Test func `a record is a line of what it names, its reason and its message`() {
    let text = RecordText.text(DataLogLine(time: time, record: replayRecord(7, .exhausted)))
    #expect(
      text == """
        2026-11-23T04:27:00.000000Z EXHAUSTED topic=order_paid subscription=352 queue_server=127.0.0.1:1 job_id=7 \
        jobid=1700000000.250000-7-352 retry_times=0 sender=test
            reason: full
            message: {"n":7}
        """)
  }

  @Test func `a push shows its result and its message`() {
    let push = DataRecord.Push(
      jobID: "1.5-7-352", delivered: true, status: 200, elapsed: .microseconds(12_045), target: "http://h/x",
      body: Array("{\"n\":7}".utf8))
    let text = RecordText.text(
      DataLogLine(time: time, record: DataRecord(.sent, topic: "t", subscription: 352, push: push)))
    #expect(
      text == """
        2026-11-23T04:27:00.000000Z SENT topic=t subscription=352 jobid=1.5-7-352 result=ok status=200 \
        elapsed_ms=12.045 target=http://h/x
            message: {"n":7}
        """)
  }

  @Test func `what is no message is told with its first bytes`() {
    let text = RecordText.text(
      DataLogLine(time: time, record: DataRecord(.undecodable, payload: [0xc1] + [UInt8](repeating: 7, count: 100))))
    #expect(text.contains("undecodable: message is not msgpack"))
    #expect(text.contains("bytes: 101: c1 07 07"))
    let notFinite = TestMessage(topic: "t", body: .double(.nan)).encoded
    #expect(
      RecordText.text(DataLogLine(time: time, record: DataRecord(.undecodable, payload: notFinite)))
        .contains("NaN and infinity can't be JSON"))
  }

  @Test func `long texts are cut for the eye, and whole in JSON`() throws {
    var record = replayRecord(1)
    record.payload = TestMessage(topic: "t", body: .string(String(repeating: "y", count: 100_000))).encoded
    let line = DataLogLine(time: time, record: record)
    #expect(RecordText.text(line).count < 5_000)
    #expect(RecordText.text(line).hasSuffix("… (100002 bytes)"))
    #expect(RecordJSON.line(line, offset: 0, file: nil).count > 100_000)
  }

  @Test func `JSON has the log's fields and the decoded message`() throws {
    for record in evilRecords + [replayRecord(7, .exhausted)] {
      let bytes = RecordJSON.line(DataLogLine(time: time, record: record), offset: 99, file: "f")
      #expect(bytes.last == 0x0A && bytes.count { $0 == 0x0A } == 1)
      let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
      #expect(object["kind"] as? String == record.kind.rawValue)
      #expect(object["offset"] as? Int == 99)
      #expect(object["topic"] as? String == record.topic)
      #expect(object["reason"] as? String == record.reason)
      #expect((object["payload"] as? String).flatMap { Data(base64Encoded: $0) }.map(Array.init) == record.payload)
      if record.kind == .exhausted {
        let message = try #require(object["message"] as? [String: Any])
        #expect(message["jobid"] as? String != nil)
        #expect(message["body"] != nil)
      }
    }
  }

  @Test func `an entry of a recover list is shown unwrapped`() {
    let record = DataRecord(
      .recoverPutBackFailed, payload: MsgpackValue.binary(TestMessage(topic: "late").encoded).encoded)
    let text = RecordText.text(DataLogLine(time: time, record: record))
    #expect(text.contains("topic=late"))
    #expect(text.contains("message: {\"n\":1}"))
  }
}

@Suite("§14 medctl log --follow")
struct FollowedLogTests {
  private let scratch: Scratch
  init() throws { scratch = try Scratch() }

  /// Job ids of all that there is just now; notes as -1, torn lines as -2.
  private func read(_ log: FollowedLog, follows: Bool = true) throws -> [Int] {
    var seen: [Int] = []
    while let step = try log.next(follows: follows) {
      switch step {
      case .note: seen.append(-1)
      case .entry(let entry, _):
        if case .record(let line) = entry.content { seen.append(Int(line.record.jobID ?? 0)) }
        if entry.content == .torn { seen.append(-2) }
      }
    }
    return seen
  }

  private func log() throws -> FollowedLog { FollowedLog(try RecordFile(scratch.file("data.log"))) }

  @Test func `what is appended is read, a line only when it is complete`() throws {
    try scratch.write(replayLines(1..<3), to: "data.log")
    let log = try log()
    #expect(try read(log) == [1, 2])
    let line = replayLines(3..<4)
    try scratch.append(String(line.prefix(20)), to: "data.log")
    #expect(try read(log) == [])
    try scratch.append(String(line.dropFirst(20)), to: "data.log")
    #expect(try read(log) == [3])
  }

  @Test func `without following a line that isn't complete is told`() throws {
    try scratch.write(replayLines(1..<2) + "2026", to: "data.log")
    #expect(try read(log(), follows: false) == [1, -2])
  }

  @Test func `a renamed file is read to its end, then the new one`() throws {
    try scratch.write(replayLines(1..<2), to: "data.log")
    let log = try log()
    #expect(try read(log) == [1])
    try FileManager.default.moveItem(atPath: scratch.file("data.log"), toPath: scratch.file("data.log.1"))
    try scratch.append(replayLines(2..<3), to: "data.log.1")
    #expect(try read(log) == [2], "there is no new one yet")
    try scratch.append(replayLines(3..<4) + "2026", to: "data.log.1")
    try scratch.write(replayLines(4..<5), to: "data.log")
    #expect(try read(log) == [3, -2, 4])
    try FileManager.default.removeItem(atPath: scratch.file("data.log"))
    try scratch.write(replayLines(5..<6), to: "data.log")
    #expect(try read(log) == [-1, 5])
  }

  @Test func `a truncated file is read from its beginning`() throws {
    try scratch.write(replayLines(1..<4), to: "data.log")
    let log = try log()
    #expect(try read(log) == [1, 2, 3])
    try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.file("data.log"))).truncate(atOffset: 0)
    #expect(try read(log) == [-1])
    try scratch.append(replayLines(7..<8), to: "data.log")
    #expect(try read(log) == [7])
  }

  @Test func `daily files are followed by the next day's`() {
    let now = replayTime(0)
    #expect(DailyLogs.next(after: ["a/data.2026-11-22.log"], now: now) == "a/data.2026-11-23.log")
    #expect(DailyLogs.next(after: ["a/data.2026-11-22.log", "a/data.2026-11-23.log"], now: now) == nil)
    #expect(DailyLogs.next(after: ["data.2026-11-21.log"], now: now) == "data.2026-11-23.log")
    #expect(DailyLogs.next(after: ["data.log", "data.2026-99-21.log", "x.2026-11-21.log"], now: now) == nil)
  }
}
