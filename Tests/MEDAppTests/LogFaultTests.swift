import Foundation
import Glibc
import Testing

@testable import MEDApp

@Suite("§16 Log files that others move, cut, or have no room for")
struct LogFaultTests {
  /// As the programs do: a pipe without a reader is an error of the write.
  init() { signal(SIGPIPE, SIG_IGN) }

  private func isOpen(_ path: String) -> Bool {
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return numbers.contains { number in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)"))?.hasPrefix(path) == true
    }
  }

  @Test(arguments: ["renamed", "removed"])
  func `a file is let go of though nothing is logged`(manner: String) throws {
    let scratch = try Scratch()
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .info)
    logs.logger(label: "t").info("before")
    logs.flush()
    let path = scratch.path + "/info.log"
    #expect(isOpen(path))
    if manner == "renamed" {
      #expect(rename(path, path + ".1") == 0)
    } else {
      #expect(unlink(path) == 0)
    }
    #expect(eventually { !isOpen(path) })
    logs.logger(label: "t").info("after")
    logs.close()
    #expect(scratch.text("info.log")?.hasSuffix(" after\n") == true)
  }

  @Test func `a file that was cut short goes on at its new end`() throws {
    let scratch = try Scratch()
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .info)
    let logger = logs.logger(label: "t")
    for number in 0..<100 { logger.info("before \(number)") }
    logs.flush()
    try FileManager.default.copyItem(atPath: scratch.path + "/info.log", toPath: scratch.path + "/info.log.1")
    #expect(truncate(scratch.path + "/info.log", 0) == 0)
    logger.info("after")
    logs.close()
    #expect(scratch.text("info.log.1")?.split(separator: "\n").count == 100)
    let lines = try #require(scratch.text("info.log")).split(separator: "\n")
    #expect(lines.count == 1 && lines[0].hasSuffix(" after") && lines[0].hasPrefix("20"))
  }

  @Test func `on a full disk lines are dropped and counted, and the number is logged when there is room`() throws {
    let scratch = try Scratch()
    // A disk that is always full.
    for name in ["info.log", "warn.log"] { #expect(symlink("/dev/full", scratch.path + "/" + name) == 0) }
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .info)
    let logger = logs.logger(label: "t")
    for number in 0..<7 {
      logger.info("lost \(number)")
      // In several pieces.
      if number % 2 == 0 { logs.flush() }
    }
    logger.warning("lost too")
    logs.flush()
    for name in ["info.log", "warn.log"] { #expect(unlink(scratch.path + "/" + name) == 0) }
    // Though nothing more is logged.
    #expect(eventually { scratch.text("warn.log")?.contains("WARN  log lines were dropped dropped=8 ") == true })
    #expect(scratch.text("warn.log")?.contains("No space left on device") == true)
    logger.info("kept")
    logs.close()
    #expect(scratch.text("info.log")?.hasSuffix(" kept\n") == true)
    #expect(scratch.text("info.log")?.contains("lost") == false)
    #expect(scratch.text("warn.log")?.split(separator: "\n").count == 1)
  }

  @Test func `a line that was written in part isn't gone on with`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/info.log"
    // A pipe takes a part of the lines, and fails when its reader goes.
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    var file = LogFile(directory: scratch.path, name: "info", isSplit: false)
    let lines = Array(String(repeating: "0123456789\n", count: 20_000).utf8)
    let closing = try Thread(named: "reader") {
      var event = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
      poll(&event, 1, 20_000)
      close(reader)
    }
    let failure = #expect(throws: LogFile.Failure.self) { try file.write(lines, at: .now()) }
    closing.join()
    let lost = try #require(failure).lostLines
    #expect(lost > 0 && lost <= 20_000)
    let second = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(second) }
    var chunk = [UInt8](repeating: 0, count: 65536)
    while read(second, &chunk, chunk.count) > 0 {}
    try file.write(Array("whole\n".utf8), at: .now())
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = read(second, &bytes, 100)
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "\nwhole\n")
  }

  @Test func `while the writer is stuck lines are dropped past the bound and counted`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/info.log"
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    let logs = try Logs(.files(directory: scratch.path, isSplit: false), level: .info)
    let logger = logs.logger(label: "t")
    let long = String(repeating: "x", count: 10_000)
    // More than the bound and what the pipe and one batch in the writer's hands take.
    for _ in 0..<2 * LogWriter.maximumBytes / 10_000 + 100 { logger.info("\(long)") }
    close(reader)
    logs.close()
    // A slow machine has more to do than a close waits for.
    #expect(eventually { scratch.text("warn.log")?.contains("log lines were dropped dropped=") == true })
  }
}
