import Foundation
import Logging
import Testing

import enum MEDTestSupport.Patience

@testable import MEDApp

/// A directory that is gone afterwards.
final class Scratch {
  let path = NSTemporaryDirectory() + "medapp-" + UUID().uuidString

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func text(_ name: String) -> String? { try? String(contentsOfFile: path + "/" + name, encoding: .utf8) }
}

/// Looks again and again until it is so, for at most twenty seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(20) * Patience.factor
  while ContinuousClock.now < deadline {
    if condition() { return true }
    usleep(5000)  // why: the pause between two looks
  }
  return condition()
}

@Suite("§16 Log files")
struct LogTests {
  @Test func `each level has its file`() throws {
    let scratch = try Scratch()
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .debug)
    let logger = logs.logger(label: "t")
    logger.debug("one")
    logger.info("two")
    logger.warning("three", metadata: ["key": "a value", "plain": "x"])
    logger.error("four")
    logs.close()
    #expect(scratch.text("debug.log")?.hasSuffix("Z DEBUG one\n") == true)
    #expect(scratch.text("info.log")?.hasSuffix("Z INFO  two\n") == true)
    #expect(scratch.text("warn.log")?.hasSuffix("Z WARN  three key=\"a value\" plain=x\n") == true)
    #expect(scratch.text("error.log")?.hasSuffix("Z ERROR four\n") == true)
  }

  @Test func `with SplitLog the day is in the name`() throws {
    let scratch = try Scratch()
    let before = Timestamp.now().date
    let logs = try Logs(.files(directory: scratch.path, isSplit: true), level: .info)
    logs.logger(label: "t").info("x")
    logs.close()
    let after = Timestamp.now().date
    #expect(scratch.text("info.\(before).log") != nil || scratch.text("info.\(after).log") != nil)
  }

  @Test func `a renamed file gets no more lines, a new one is made`() throws {
    let scratch = try Scratch()
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .info)
    let logger = logs.logger(label: "t")
    logger.info("before")
    logs.flush()
    try FileManager.default.moveItem(atPath: scratch.path + "/info.log", toPath: scratch.path + "/info.log.1")
    #expect(
      eventually {
        logger.info("after")
        logs.flush()
        return scratch.text("info.log") != nil
      })
    logs.close()
    #expect(scratch.text("info.log.1")?.contains("before") == true)
    #expect(scratch.text("info.log")?.contains("after") == true)
  }

  @Test func `reopening takes the new file at once`() throws {
    let scratch = try Scratch()
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .info)
    let logger = logs.logger(label: "t")
    logger.info("before")
    logs.flush()
    try FileManager.default.moveItem(atPath: scratch.path + "/info.log", toPath: scratch.path + "/old")
    logs.reopen()
    logger.info("after")
    logs.close()
    #expect(scratch.text("info.log")?.hasSuffix(" after\n") == true)
    #expect(scratch.text("old")?.hasSuffix(" before\n") == true)
  }

  @Test func `debug logging is switched for loggers that exist already`() throws {
    let scratch = try Scratch()
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .info)
    let logger = logs.logger(label: "t")
    logger.debug("hidden")
    #expect(logs.toggleDebug())
    logger.debug("shown")
    #expect(!logs.toggleDebug())
    logger.debug("hidden again")
    logs.close()
    #expect(scratch.text("debug.log")?.split(separator: "\n").count == 1)
    #expect(scratch.text("debug.log")?.hasSuffix(" shown\n") == true)
  }

  @Test func `nothing that is logged can begin a line or act on a terminal`() throws {
    let event = LogEvent(
      level: .info, message: "a\nb\u{1b}[2J", metadata: nil, source: "t", file: "f", function: "f", line: 1)
    let time = Timestamp(microseconds: 0)
    let text = String(
      decoding: LogLine.text(event, metadata: ["k": "x\r\n2026 \"q\" \\ \u{202e}\u{85}"], at: time), as: UTF8.self)
    #expect(
      text == "1970-01-01T00:00:00.000000Z INFO  a\\nb\\u{1b}[2J k=\"x\\r\\n2026 \\\"q\\\" \\\\ \\u{202e}\\u{85}\"\n")
    let json = LogLine.json(event, metadata: ["k": "x\r\n\"\\\u{2028}", "time": "t"], label: "l\"", at: time)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: String])
    #expect(object["message"] == "a\nb\u{1b}[2J")
    #expect(object["k"] == "x\r\n\"\\\u{2028}")
    #expect(object["time"] == "1970-01-01T00:00:00.000000Z")
    #expect(object["time_"] == "t")
    #expect(json.count { $0 < 0x20 } == 1)
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000000Z"), (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
    (1_767_225_599_999_999, "2025-12-31T23:59:59.999999Z"), (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
    (-1, "1969-12-31T23:59:59.999999Z"),
  ])
  func `timestamps are RFC 3339 in UTC`(microseconds: Int64, text: String) {
    var bytes: [UInt8] = []
    Timestamp(microseconds: microseconds).append(to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == text)
  }
}
