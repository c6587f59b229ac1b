import Foundation
import MEDCore
import Testing

@testable import MEDApp

@Suite("§14 The report of a replay")
struct ReplayReportTests {
  private func report(isDryRun: Bool = false) -> ReplayReport {
    var report = ReplayReport(isDryRun: isDryRun)
    for _ in 0..<3 { report.count(.init(kind: .exhausted, topic: "a", tube: "a/sub-queue/1")) }
    report.count(.init(kind: .undecodable, topic: "", tube: "main"))
    report.notChosen = 5
    report.files = [.init(path: "data.log", positionPath: "data.log.position", from: 0, to: 90, end: 90, putBefore: 2)]
    report.command = "medctl replay data.log"
    return report
  }

  @Test func `it shows what went where, and how far it is`() {
    #expect(
      report().text == """
        kind       topic  into           put
        EXHAUSTED  a      a/sub-queue/1    3
        DECODERR          main             1
        total: 4 put, 5 not chosen
        data.log: bytes 0 to 90 of 90, 2 put before; position in data.log.position
        """)
  }

  @Test func `a dry run tells the command that does it`() {
    let text = report(isDryRun: true).text
    #expect(text.contains("would put"))
    #expect(text.hasSuffix("nothing was put; to do it: medctl replay data.log"))
    #expect(ReplayReport(isDryRun: true).text.hasSuffix("there is nothing to put"))
  }

  @Test func `the exit code says what was left`() {
    var report = report()
    #expect(report.status == .success)
    report.files[0].torn = 80
    #expect(report.status == .success, "it may be a line that is being written")
    #expect(report.text.contains("the last line (from byte 80) isn't complete"))
    report.malformed = 1
    #expect(report.status == .failure)
    report.malformed = 0
    report.wasInterrupted = true
    #expect(report.status == .interrupted)
    #expect(report.text.hasSuffix("interrupted; the position is kept; go on: medctl replay data.log"))
    report.failure = "gone"
    #expect(report.status == .failure)
    #expect(report.text.hasSuffix("stopped: gone\nthe position is kept; go on: medctl replay data.log"))
  }

  @Test func `groups are bounded, and the rest is counted`() {
    var report = ReplayReport(isDryRun: true)
    for number in 0..<(ReplayReport.maximumGroups + 10) {
      report.count(.init(kind: .exhausted, topic: "t\(number)", tube: "t"))
    }
    #expect(report.groups.count == ReplayReport.maximumGroups)
    #expect(report.furtherPut == 10)
    #expect(report.text.contains("… and 9970 more"))
    #expect(report.text.split(separator: "\n").count < 60)
  }

  @Test func `JSON says the same`() throws {
    var report = report()
    report.failure = "\u{1b}[2J"
    report.servers = [.init(address: "h:1", put: 4, failure: nil)]
    let json = report.json
    #expect(!json.contains("\u{1b}"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["put"] as? Int == 4)
    #expect((object["groups"] as? [[String: Any]])?.first?["count"] as? Int == 3)
    #expect((object["files"] as? [[String: Any]])?.first?["to"] as? Int == 90)
    #expect(object["failure"] as? String == "\u{1b}[2J")
    #expect((object["queue_servers"] as? [[String: Any]])?.first?["put"] as? Int == 4)
  }

  @Test func `the command can be pasted into a shell`() {
    #expect(shellQuoted("data.log") == "data.log")
    #expect(shellQuoted("a b") == "'a b'")
    #expect(shellQuoted("it's") == "'it'\\''s'")
    #expect(shellQuoted("") == "''")
    #expect(!shellQuoted("\u{1b}[2J").contains("\u{1b}"))
  }
}
