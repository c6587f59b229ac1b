import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§14 medctl log, through the binary", .showsServerOutput)
struct LogCommandTests {
  private func place() throws -> ReplayPlace { try ReplayPlace([], addresses: ["127.0.0.1:1"]) }

  @Test func `records are shown decoded, and chosen as for a replay`() async throws {
    let place = try place()
    try place.write(ReplayPlace.lines(0..<3) + ReplayPlace.lines(3..<5, "EXHAUSTED"))
    let all = try await place.medctl(["log", "data.log"])
    #expect(all.status == .code(0), "\(all.errors)")
    #expect(all.output.components(separatedBy: "message: {\"id\":\"m-00000").count == 6)
    #expect(all.output.contains("EXHAUSTED topic=order_paid subscription=352"))
    let some = try await place.medctl(["log", "data.log", "--kind", "EXHAUSTED", "--since", "2026-11-23T04:00:04Z"])
    #expect(some.output.split(separator: "\n").count == 3)
    #expect(some.output.contains("jobid=1700000000.250000-4-352"))
  }

  @Test func `with --json each record is an object in a line`() async throws {
    let place = try place()
    try place.write(ReplayPlace.lines(0..<3) + ReplayPlace.line("DECODERR", 3, payload: [0xc1], subscription: nil))
    let run = try await place.medctl(["log", "--json", "data.log"])
    #expect(run.status == .code(0))
    let objects = try run.output.split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
    }
    #expect(objects.count == 4)
    let message = objects[2]["message"] as? [String: Any]
    #expect((message?["body"] as? [String: Any])?["id"] as? String == MessageMark.text(2))
    #expect(message?["jobid"] as? String == "1700000000.250000-2-352")
    #expect(objects[3]["undecodable"] as? String != nil)
    #expect(objects[3]["payload"] as? String == Data([0xc1]).base64EncodedString())
  }

  @Test func `lines that are no records are named, and end it with 1`() async throws {
    let place = try place()
    try place.write(ReplayPlace.lines(0..<1) + "\u{1b}[2J\n" + ReplayPlace.lines(1..<2) + "2026")
    let run = try await place.medctl(["log", "data.log"])
    #expect(run.status == .code(1))
    #expect(run.errors.contains("data.log: line 2 (byte ") && run.errors.contains("\\u{1b}[2J"))
    #expect(run.errors.contains("isn't complete"))
    #expect(!run.errors.contains("\u{1b}"))
    #expect(run.output.contains("m-000001"))
    let many = (0..<100).map { "junk \($0)\n" }.joined()
    try place.write(many)
    let junk = try await place.medctl(["log", "data.log"])
    #expect(junk.errors.split(separator: "\n").count == 21, "the rest is counted, not named")
  }

  @Test func `files that are no logs are refused`() async throws {
    let place = try place()
    try Data([0x1f, 0x8b, 8]).write(to: URL(fileURLWithPath: place.directory.file("x.gz")))
    for name in [".", "none", "x.gz"] {
      #expect(try await place.medctl(["log", name]).status == .code(1))
    }
    #expect(try await place.medctl(["log"]).status == .code(64))
    #expect(try await place.medctl(["log", "x.gz", "--since", "now"]).status == .code(64))
  }

  @Test func `--follow shows what comes, over a rotation and a truncation, and ends with 0`() async throws {
    let place = try place()
    let log = try place.write(ReplayPlace.lines(0..<2))
    let follow = try ServerProcess(BuiltBinary.path("medctl"), ["log", log, "--follow"])
    func shows(_ number: Int) async throws {
      try await eventually("\(number) is shown") { follow.output.contains(MessageMark.text(number)) }
    }
    try await shows(1)
    let line = ReplayPlace.lines(2..<3)
    try place.append(String(line.prefix(40)))
    try place.append(String(line.dropFirst(40)))
    try await shows(2)
    try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
    try place.append(ReplayPlace.lines(3..<4), to: "data.log.1")
    try place.write(ReplayPlace.lines(4..<5))
    try await shows(4)
    #expect(follow.output.contains(MessageMark.text(3)))
    try FileHandle(forWritingTo: URL(fileURLWithPath: log)).truncate(atOffset: 0)
    try await eventually("the truncation is seen") { follow.output.contains("was truncated") }
    try place.append(ReplayPlace.lines(5..<6))
    try await shows(5)
    for number in 0..<6 {
      #expect(follow.output.components(separatedBy: MessageMark.text(number)).count == 2, "\(number) once")
    }
    follow.signal(SIGINT)
    #expect(try await follow.waitForExit() == .code(0))
  }

  @Test func `a reader that has seen enough ends it quietly`() async throws {
    let place = try place()
    try place.write(ReplayPlace.lines(0..<20_000))
    let medctl = try BuiltBinary.path("medctl")
    let run = try await ServerProcess.run(
      "bash", ["-c", "set -o pipefail; \(medctl) log data.log | head -1"], workingDirectory: place.directory.path)
    #expect(run.status == .code(0))
    #expect(run.errors == "")
    #expect(run.output.split(separator: "\n").count == 1)
  }
}
