import Foundation
import Testing

@testable import MEDApp

@Suite("§14 Position files")
struct ReplayPositionFileTests {
  private let scratch: Scratch
  private let log: String
  private let path: String

  init() throws {
    scratch = try Scratch()
    log = scratch.file("data.log")
    path = log + ReplayPositionFile.suffix
    try scratch.write(replayLines(0..<10), to: "data.log")
  }

  private func open(_ options: String = "all", isDryRun: Bool = false) throws -> ReplayPositionFile {
    try ReplayPositionFile(path, options: options, isDryRun: isDryRun)
  }

  /// Where the second line begins.
  private var second: UInt64 { UInt64(replayLines(0..<1).utf8.count) }

  private func note(_ offset: UInt64? = nil) throws {
    let position = try open()
    let number = try position.register([RecordFile(log)], isOwn: true)[0]
    try position.note(number, offset: offset ?? second, put: 1)
  }

  private func refusal(_ name: String? = nil, options: String = "all", isOwn: Bool = true) throws -> String {
    do {
      _ = try open(options).register([RecordFile(name.map(scratch.file) ?? log)], isOwn: isOwn)
      return ""
    } catch let error as SystemError {
      return error.message
    }
  }

  @Test func `what was noted is there the next time, however often`() throws {
    for round in 1...5 {
      let position = try open()
      let number = try position.register([RecordFile(log)], isOwn: true)[0]
      #expect(position.place(of: number).put == UInt64(round - 1))
      try position.note(number, offset: second, put: UInt64(round))
    }
    #expect(try open().register([RecordFile(log)], isOwn: true) == [0])
  }

  @Test func `a dry run makes nothing, and reads what there is`() throws {
    let position = try open(isDryRun: true)
    #expect(try position.register([RecordFile(log)], isOwn: true) == [0])
    try position.note(0, offset: second, put: 1)
    #expect(!FileManager.default.fileExists(atPath: path))
    try note()
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    let again = try open(isDryRun: true)
    _ = try again.register([RecordFile(log)], isOwn: true)
    #expect(again.place(of: 0).offset == second)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }

  @Test func `one replay at a time`() throws {
    let first = try open()
    _ = try first.register([RecordFile(log)], isOwn: true)
    #expect(try refusal().contains("another replay is at work"))
    try withExtendedLifetime(first) { _ = try open(isDryRun: true) }
  }

  @Test func `other options are refused and both are named`() throws {
    try note()
    let text = try refusal(options: "--kind EXHAUSTED")
    #expect(text.contains("all") && text.contains("--kind EXHAUSTED") && text.contains("--position"))
  }

  @Test func `a log that grows is the same log`() throws {
    try scratch.write("", to: "data.log")
    try note(0)
    try scratch.append(replayLines(0..<100), to: "data.log")
    #expect(try refusal() == "")
  }

  @Test func `after a rotation the log that has the name now is refused, and the other one is found`() throws {
    try note()
    try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
    try scratch.write(replayLines(50..<60), to: "data.log")
    let text = try refusal()
    #expect(text.contains("\(log).1"))
    #expect(text.contains("mv \(path) \(log).1.position"))
    #expect(try refusal("data.log.1") == "", "renamed it is still the same")
  }

  @Test func `the rotated log and the new one can share a position file`() throws {
    try note()
    try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
    try scratch.write(replayLines(50..<60), to: "data.log")
    #expect(try refusal(isOwn: false).contains("\(log).1"), "the rest of the old one would be forgotten")
    let position = try open()
    let numbers = try position.register([RecordFile(log + ".1"), RecordFile(log)], isOwn: false)
    #expect(numbers == [0, 1])
    #expect(position.place(of: 0).offset == second)
    #expect(position.place(of: 1).offset == 0)
    try position.note(1, offset: 0, put: 3)
  }

  @Test func `a copy is the same log`() throws {
    try note()
    try FileManager.default.copyItem(atPath: log, toPath: log + ".copy")
    let position = try open()
    #expect(try position.register([RecordFile(log + ".copy")], isOwn: false) == [0])
    #expect(position.place(of: 0).offset == second)
  }

  @Test func `a log that was truncated, or written anew in place, is refused`() throws {
    try note()
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: Data(replayLines(70..<90).utf8))
    #expect(try refusal().contains("truncated or written anew"))
  }

  @Test func `a log that is shorter than its position is refused`() throws {
    try scratch.write(replayLines(0..<1000), to: "data.log")
    let end = UInt64(replayLines(0..<1000).utf8.count)
    try note(end)
    try FileHandle(forWritingTo: URL(fileURLWithPath: log)).truncate(atOffset: end - 1)
    #expect(try refusal().contains("was truncated"))
  }

  @Test func `a position that isn't the beginning of a line is refused`() throws {
    try note(second - 3)
    #expect(try refusal().contains("beginning of a line"))
  }

  @Test func `a damaged position file, or none at all, is refused and left as it is`() throws {
    for text in ["hello", replayLines(0..<3), "medctl replay position 1\n"] {
      try scratch.write(text, to: "data.log.position")
      #expect(try refusal().contains("--position"))
      #expect(scratch.text("data.log.position") == text)
    }
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(throws: SystemError.self) { try open() }
  }

  @Test func `where no position can be written another place is asked for`() throws {
    #expect {
      try ReplayPositionFile(scratch.file("none/x.position"), options: "all", isDryRun: false)
    } throws: {
      "\($0)".contains("--position")
    }
  }

  @Test func `a position beside a renamed log is found`() throws {
    try note()
    try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
    let found = try PositionSearch.find(RecordFile(log + ".1"), options: "all")
    #expect(found?.path == path)
    #expect(try PositionSearch.find(RecordFile(log + ".1"), options: "--kind EXHAUSTED") == nil)
  }
}

@Suite("§14 Files that are no logs")
struct RecordFileTests {
  private let scratch: Scratch
  init() throws { scratch = try Scratch() }

  private func refusal(_ name: String) throws -> String {
    do {
      _ = try RecordFile(scratch.file(name))
      return ""
    } catch {
      return error.message
    }
  }

  @Test func `directories, pipes and what isn't there are refused`() throws {
    #expect(try refusal("").contains("is a directory: name the files in it"))
    #expect(try refusal("none").contains("No such file"))
    mkfifo(scratch.file("pipe"), 0o600)
    #expect(try refusal("pipe").contains("is no regular file"))
  }

  @Test(
    arguments: [
      ("gzip", [0x1f, 0x8b, 8, 0]), ("zstd", [0x28, 0xb5, 0x2f, 0xfd]), ("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
      ("bzip2", [0x42, 0x5a, 0x68, 0x39]),
    ] as [(String, [UInt8])])
  func `compressed files are refused by name`(name: String, bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: scratch.file("x")))
    #expect(try refusal("x").contains("is compressed (\(name)): unpack it first"))
  }

  @Test func `lines are numbered from 1 on, from wherever they are asked for`() throws {
    try scratch.write("a\nbb\n\nccc\n", to: "x")
    let file = try RecordFile(scratch.file("x"))
    #expect([0, 2, 5, 6, 10].map { file.line(at: $0) } == [1, 2, 3, 4, 5])
    #expect(file.line(at: 2) == 2)
    #expect(file.line(at: 1000) == 5)
  }
}
