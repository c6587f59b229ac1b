import Foundation
import Testing

@testable import MEDApp

@Suite("§13 The report of amender")
struct AmendReportTests {
  private let report = AmendReport(
    servers: [
      .init(
        address: "a:1",
        tubes: [
          .init(name: "x", buried: 3, kicked: 3),
          .init(name: "y", buried: 2, outcome: .watched(by: 1), left: 2),
        ], tubesSeen: 5),
      .init(address: "b:1", failure: "gone"),
      .init(address: "c:1", sameAs: "a:1"),
    ], isDryRun: false)

  @Test func `it names servers, tubes and totals`() {
    #expect(
      report.text == """
        a:1: 5 tubes, 2 with buried jobs
          tube  buried  result
          x          3  kicked 3
          y          2  skipped: watched by 1 connection, 2 left buried
        b:1: failed: gone
        c:1: is the same queue server as a:1
        total: 2 queue servers (1 failed), 5 buried in 2 tubes, 3 kicked, 2 left in 1 watched tube
        watched tubes are somebody's work, and its jobs would be pushed twice; --even-watched kicks them all the same
        """)
    #expect(!report.isComplete)
  }

  @Test func `skipped tubes are no failure; failed ones, patterns without a tube and an interruption are`() {
    var good = report
    good.servers.remove(at: 1)
    #expect(good.isComplete)
    var failed = good
    failed.servers[0].tubes.append(.init(name: "z", buried: 1, outcome: .failed("no")))
    #expect(!failed.isComplete)
    var unmatched = good
    unmatched.unmatched = [TubePattern("q*")]
    #expect(!unmatched.isComplete)
    #expect(unmatched.text.contains("no tube matches \"q*\""))
    var interrupted = good
    interrupted.isInterrupted = true
    #expect(!interrupted.isComplete)
  }

  @Test func `what was only looked at is told as that`() {
    let dry = AmendReport(
      servers: [
        .init(address: "a:1", tubes: [.init(name: "x", buried: 3, outcome: .wouldKick, left: 3)], tubesSeen: 1)
      ],
      isDryRun: true)
    #expect(
      dry.text == """
        a:1: 1 tube, 1 with buried jobs
          tube  buried  result
          x          3  would kick 3
        total: 1 queue server, 3 buried in 1 tube, nothing kicked (dry run), 3 would be kicked
        """)
  }

  @Test func `names and reasons can't take hold of the terminal`() {
    let evil = AmendReport(
      servers: [
        .init(
          address: "a:1", tubes: [.init(name: "x\u{1b}[2J", buried: 1, outcome: .failed("\u{7}"), left: 1)],
          tubesSeen: 1)
      ], isDryRun: false)
    #expect(evil.text.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
  }

  @Test func `the JSON has the shape that is documented`() throws {
    var report = report
    report.servers[0].tubes += [
      .init(name: "z", buried: 9, kicked: 4, outcome: .failed("no \"memory\""), left: 5),
      .init(name: "zz", buried: 1, outcome: .interrupted, left: 1),
    ]
    report.servers[0].tubesNotReached = 1
    report.isInterrupted = true
    report.unmatched = [TubePattern("q*")]
    let expected = """
      {"complete":false,"dry_run":false,"interrupted":true,"buried":15,"kicked":7,"left_buried":8,"watched_tubes":1,\
      "unmatched":["q*"],"queue_servers":[\
      {"address":"a:1","failure":null,"same_as":null,"tubes_seen":5,"tubes_not_reached":1,"tubes":[\
      {"tube":"x","outcome":"kicked","buried":3,"kicked":3,"left_buried":0,"watching":0,"failure":null},\
      {"tube":"y","outcome":"watched","buried":2,"kicked":0,"left_buried":2,"watching":1,"failure":null},\
      {"tube":"z","outcome":"failed","buried":9,"kicked":4,"left_buried":5,"watching":0,"failure":"no \\"memory\\""},\
      {"tube":"zz","outcome":"interrupted","buried":1,"kicked":0,"left_buried":1,"watching":0,"failure":null}]},\
      {"address":"b:1","failure":"gone","same_as":null,"tubes_seen":0,"tubes_not_reached":0,"tubes":[]},\
      {"address":"c:1","failure":null,"same_as":"a:1","tubes_seen":0,"tubes_not_reached":0,"tubes":[]}]}
      """
    #expect(report.json == expected)
    #expect(try JSONSerialization.jsonObject(with: Data(report.json.utf8)) is [String: Any])
  }
}
