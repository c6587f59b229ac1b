import Foundation
import Glibc
import Testing

@testable import MEDApp

@Suite("§16 PidFile")
struct PidFileTests {
  private func refusal(_ path: String) -> String? {
    do {
      try PidFile(path, for: "PidFile").release()
      return nil
    } catch {
      return error.message
    }
  }

  @Test func `a file that a crash left behind is taken over, and removed at the end`() throws {
    let scratch = try Scratch()
    try "4194305123\n".write(toFile: scratch.path + "/pid", atomically: false, encoding: .utf8)
    let file = try PidFile(scratch.path + "/pid", for: "PidFile")
    #expect(scratch.text("pid") == "\(getpid())\n")
    file.release()
    #expect(scratch.text("pid") == nil)
  }

  @Test func `one that a living process holds is refused, with its id`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pid"
    let file = try PidFile(path, for: "PidFile")
    defer { file.release() }
    #expect(refusal(path) == "PidFile: \(path) is held by a running process (pid \(getpid()))")
    #expect(scratch.text("pid") == "\(getpid())\n")
  }

  @Test func `a file with anything else in it is left alone`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pid"
    for text in ["root:x:0:0\n", "12 34\n", String(repeating: "1", count: 65)] {
      try text.write(toFile: path, atomically: false, encoding: .utf8)
      #expect(refusal(path)?.hasPrefix("PidFile: \(path): ") == true)
      #expect(scratch.text("pid") == text)
    }
  }

  @Test func `links, directories and pipes are refused, and what a link leads to is untouched`() throws {
    let scratch = try Scratch()
    try "1\n".write(toFile: scratch.path + "/target", atomically: false, encoding: .utf8)
    #expect(symlink("target", scratch.path + "/link") == 0)
    #expect(mkfifo(scratch.path + "/pipe", 0o600) == 0)
    for name in ["link", "pipe", ".", "missing/pid"] {
      #expect(refusal(scratch.path + "/" + name)?.contains(scratch.path) == true, "\(name)")
    }
    #expect(scratch.text("target") == "1\n")
  }

  @Test func `a file that can't be removed at the end is emptied`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pid"
    let file = try PidFile(path, for: "PidFile")
    // As when the directory belongs to root, and this process is another user by now: the name isn't its to remove.
    #expect(rename(path, path + "-kept") == 0)
    #expect(mkdir(path, 0o755) == 0)
    file.release()
    #expect(scratch.text("pid-kept") == "")
  }
}
