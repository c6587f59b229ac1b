import Glibc
import Testing

@testable import MEDCore

@Suite("§6 DATA log: reading")
struct DataLogReaderTests {
  static let records = [
    DataRecord(.undecodable, queueServer: "a:1", jobID: 7, payload: Array(0...255)),
    DataRecord(
      .sent, topic: "t\n", subscription: 3,
      push: .init(
        jobID: "1.000000-7-3", delivered: true, status: 200, elapsed: .microseconds(1_500_250),
        target: "http://x/?a=\"",
        body: Array(#"{"k":"ü","n":[1.5e-3,{}],"e":"\u0000"}"#.utf8))),
    DataRecord(.exhausted, reason: String(repeating: "long ", count: 60), payload: []),
  ]

  static let file: [UInt8] = {
    var bytes: [UInt8] = []
    for record in records { DataLineFormatter.append(record, at: logNoon, to: &bytes) }
    return bytes
  }()

  /// A reader over bytes, which gives at most `step` of them at once.
  static func reader(
    _ bytes: [UInt8], offset: UInt64 = 0, step: Int = .max, maximumLineBytes: Int = 4096
  ) -> DataLogReader {
    DataLogReader(path: "memory", offset: offset, maximumLineBytes: maximumLineBytes) { out, offset in
      let part = bytes.dropFirst(Int(offset)).prefix(min(out.count, step))
      out.copyBytes(from: part)
      return part.count
    }
  }

  static func all(_ reader: DataLogReader) throws -> [DataLogReader.Entry] {
    var entries: [DataLogReader.Entry] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }

  @Test(arguments: [1, 7, 64, .max])
  func `what was written is read again, with its place in the file`(step: Int) throws {
    let entries = try Self.all(Self.reader(Self.file, step: step))
    #expect(entries.map(\.content) == Self.records.map { .record(DataLogLine(time: logNoon, record: $0)) })
    #expect(entries.first?.start == 0 && entries.last?.end == UInt64(Self.file.count))
    for (entry, next) in zip(entries, entries.dropFirst()) { #expect(entry.end == next.start) }
  }

  @Test func `reading resumes at the end of any line`() throws {
    let entries = try Self.all(Self.reader(Self.file))
    for (index, entry) in entries.enumerated() {
      let rest = try Self.all(Self.reader(Self.file, offset: entry.end))
      #expect(rest == Array(entries[(index + 1)...]))
    }
    #expect(try Self.all(Self.reader(Self.file, offset: .max)).isEmpty)
    #expect(try Self.all(Self.reader(Self.file, offset: UInt64(Int64.max))).isEmpty)
  }

  @Test func `a file cut at any byte gives its whole lines and tells of the torn one`() throws {
    let whole = try Self.all(Self.reader(Self.file))
    for length in 0..<Self.file.count {
      let entries = try Self.all(Self.reader(Array(Self.file[..<length])))
      let complete = whole.filter { $0.end <= length }
      #expect(Array(entries.prefix(complete.count)) == complete)
      let start = complete.last?.end ?? 0
      let torn: [DataLogReader.Entry] =
        start == length ? [] : [.init(start: start, end: UInt64(length), content: .torn)]
      #expect(Array(entries.dropFirst(complete.count)) == torn)
    }
  }

  @Test func `a torn line is read as a whole when the rest has come`() throws {
    let scratch = try LogDirectory()
    let cut = Self.file.count - 10
    try scratch.write("data.log", Self.file[..<cut])
    let reader = try DataLogReader(path: "\(scratch.path)/data.log")
    #expect(try Self.all(reader).map(\.content).last == .torn)
    #expect(try reader.next() == nil)
    try scratch.write("data.log", Self.file)
    #expect(try Self.all(reader).map(\.content) == [.record(DataLogLine(time: logNoon, record: Self.records[2]))])
  }

  @Test func `a line that is too long is passed over in bounded memory`() throws {
    let long = [UInt8](repeating: 0x78, count: 300_000)
    let bytes = Self.file + long + [0x0A] + Self.file
    let entries = try Self.all(Self.reader(bytes, step: 1000))
    #expect(entries.count == 7)
    #expect(entries[3].content == .tooLong)
    #expect(entries[3].end - entries[3].start == 300_001)
    #expect(entries.last?.content == .record(DataLogLine(time: logNoon, record: Self.records[2])))
    let torn = try Self.all(Self.reader(long))
    #expect(torn == [.init(start: 0, end: 300_000, content: .torn)])
    let exact = try Self.all(Self.reader([UInt8](repeating: 0x78, count: 4096) + [0x0A]))
    #expect(exact.map(\.content) == [.malformed(.time, line: [UInt8](repeating: 0x78, count: 4096))])
  }

  @Test func `foreign lines are reported and empty ones passed over`() throws {
    let bytes = Array("\n\nnonsense\n\n".utf8) + Self.file
    let entries = try Self.all(Self.reader(bytes))
    #expect(entries.count == 4)
    #expect(entries[0] == .init(start: 2, end: 11, content: .malformed(.time, line: Array("nonsense".utf8))))
  }

  @Test func `a file that is not there and a disk that fails are errors`() throws {
    #expect(throws: DataLogError(.open, errno: ENOENT, path: "/nowhere/data.log")) {
      _ = try DataLogReader(path: "/nowhere/data.log")
    }
    var fails = true
    let reader = DataLogReader(path: "x", offset: 0, maximumLineBytes: 4096) { out, offset in
      if fails { return -Int(EIO) }
      let part = Self.file.dropFirst(Int(offset)).prefix(out.count)
      out.copyBytes(from: part)
      return part.count
    }
    #expect(throws: DataLogError(.read, errno: EIO, path: "x")) { _ = try reader.next() }
    fails = false
    #expect(try Self.all(reader).count == 3)
  }
}

@Suite("§6 DATA log: parsing a line")
struct DataLogLineTests {
  static let head = "2026-11-23T12:00:00.000000Z EXHAUSTED "

  static func parse(_ object: String) throws -> DataRecord { try DataLogLine(parsing: (head + object).utf8).record }

  @Test func `JSON is read however it is written`() throws {
    let record = try Self.parse(
      #"{ "reason" : "\u00fC\uD83D\ude00\/\b\f" ,"future":[{"a":[]},-0.1E+2,true,null],"job_id":1,"job_id":2} "#)
    #expect(record == DataRecord(.exhausted, jobID: 2, reason: "ü😀/\u{8}\u{C}"))
    #expect(try Self.parse("{}") == DataRecord(.exhausted))
  }

  @Test(arguments: [
    "", "{", "}", "[]", "{}x", "{}{}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":01}", "{\"a\":1.}",
    "{\"a\":.5}", "{\"a\":+1}", "{\"a\":1e}", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\t\"}", "{\"a\":[1,]}",
    "{\"a\":[1 2]}", "{\"a\":\"", "{\"a\":\"\\", "{\"\\u\":1}", "null",
  ])
  func `malformed JSON is refused`(object: String) {
    #expect {
      _ = try Self.parse(object)
    } throws: { error in
      if case .json? = error as? DataLineFault { true } else { false }
    }
  }

  @Test(arguments: [
    ("topic", "1"), ("reason", "null"), ("subscription", "1.5"), ("subscription", "\"1\""),
    ("subscription", "9223372036854775808"), ("job_id", "-1"), ("job_id", "18446744073709551616"),
    ("payload", "\"A\""), ("payload", "{}"), ("result", "\"maybe\""), ("status", "true"), ("elapsed_ms", "-1"),
    ("elapsed_ms", "1e300"), ("elapsed_ms", "\"1\""),
  ])
  func `a field with a value that it can't have is named`(name: String, value: String) {
    #expect(throws: DataLineFault.field(name)) { _ = try Self.parse("{\"\(name)\":\(value)}") }
  }

  @Test func `time and kind must be there`() {
    #expect(throws: DataLineFault.time) { _ = try DataLogLine(parsing: []) }
    #expect(throws: DataLineFault.time) { _ = try DataLogLine(parsing: "yesterday SENT {}".utf8) }
    #expect(throws: DataLineFault.kind) { _ = try DataLogLine(parsing: "2026-11-23T12:00:00Z LOST {}".utf8) }
    #expect(throws: DataLineFault.kind) { _ = try DataLogLine(parsing: "2026-11-23T12:00:00Z SENT".utf8) }
    #expect(throws: DataLineFault.json(at: 27)) { _ = try DataLogLine(parsing: "2026-11-23T12:00:00Z SENT {".utf8) }
  }

  @Test func `nesting is bounded, far beyond what a message can have`() throws {
    let deep = { (depth: Int) in
      "{\"body\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
    }
    #expect(try Self.parse(deep(255)).push?.body.count == 510)
    #expect(throws: DataLineFault.self) { _ = try Self.parse(deep(256)) }
    #expect(throws: DataLineFault.self) { _ = try Self.parse("{\"body\":" + String(repeating: "[", count: 1_000_000)) }
  }

  @Test func `every line cut short is refused, and no changed byte traps`() throws {
    let line = DataLogReaderTests.file.split(separator: 0x0A)[1]
    for length in 0..<line.count {
      #expect(throws: DataLineFault.self) { _ = try DataLogLine(parsing: line.prefix(length)) }
    }
    var understood = 0
    for index in line.indices {
      for byte: UInt8 in [0x00, 0x0A, 0x22, 0x2C, 0x30, 0x39, 0x5C, 0x5B, 0x7D, 0x80, 0xFF] {
        var changed = line
        changed[index] = byte
        if (try? DataLogLine(parsing: changed)) != nil { understood += 1 }
      }
    }
    // A digit for a digit is a line all the same; a quote for a brace is none.
    #expect(understood > 0 && understood < line.count * 11)
  }
}
