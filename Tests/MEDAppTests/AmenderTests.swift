import Foundation
import MEDCore
import Testing

@testable import MEDApp

/// A queue server on a free port, and one connection to it that can also reserve and bury.
private final class QueueServer {
  let address: QueueServerAddress
  private let program: RunningProgram
  private let socket: Int32

  init() throws {
    address = QueueServerAddress(host: "127.0.0.1", port: try freePort())
    let path = try #require(ChildProcess.find("beanstalkd"))
    program = try RunningProgram(path, ["-l", "127.0.0.1", "-p", "\(address.port)"])
    let address = address
    try #require(eventually { (try? BeanstalkConnection(address)) != nil })
    socket = try connectTCP(host: "127.0.0.1", port: address.port, timeout: .seconds(5))
  }

  deinit { close(socket) }

  /// Sends commands and reads one line of answer for each.
  func send(_ commands: [String], lines: Int) throws {
    try writeAll(commands.joined().utf8, to: socket)
    var buffer = [UInt8](repeating: 0, count: 65536)
    var seen = 0
    while seen < lines {
      let count = read(socket, &buffer, buffer.count)
      try #require(count > 0)
      seen += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
    }
  }

  /// Puts `count` jobs into `tube` and buries them, and one with a delay that no kick may wake.
  func bury(_ count: Int, in tube: String) throws {
    try send(["use \(tube)\r\n", "watch \(tube)\r\n", "ignore default\r\n"], lines: 3)
    for _ in 0..<count {
      let before = try jobs()
      try send(["put 1 0 60 1\r\nx\r\n", "reserve\r\n"], lines: 3)
      try send(["bury \(before + 1) 1\r\n"], lines: 1)
    }
    try send(["put 1 1000 60 1\r\nx\r\n", "use default\r\n", "watch default\r\n", "ignore \(tube)\r\n"], lines: 4)
  }

  func counters(_ tube: String) throws -> [String: Int] {
    try #require(try BeanstalkConnection(address).statistics(of: [tube]).first ?? nil)
  }

  /// Job ids are given in order, so the number of puts so far is the last id.
  private var puts = 0
  private func jobs() throws -> Int {
    defer { puts += 1 }
    return puts
  }

  /// The delayed job took an id too.
  func countDelayed() { puts += 1 }
}

@Suite("§13 amender on a real queue server")
struct AmenderTests {
  @Test func `buried jobs of unwatched tubes are kicked, delayed ones stay, watched tubes are left alone`() throws {
    let server = try QueueServer()
    try server.bury(3, in: "a")
    server.countDelayed()
    try server.bury(2, in: "b")
    try server.send(["watch b\r\n"], lines: 1)

    var request = AmendRequest(servers: [server.address])
    request.isDryRun = true
    let dry = Amender.run(request)
    #expect(dry.servers[0].tubes.map(\.outcome) == [.wouldKick, .watched(by: 1)])
    #expect(try server.counters("a")["current-jobs-buried"] == 3)

    request.isDryRun = false
    let report = Amender.run(request)
    #expect(report.isComplete)
    #expect(report.kicked == 3)
    let a = try server.counters("a")
    #expect(a["current-jobs-ready"] == 3)
    #expect(a["current-jobs-delayed"] == 1)
    #expect(try server.counters("b")["current-jobs-buried"] == 2)

    request.includesWatched = true
    request.tube = "b"
    #expect(Amender.run(request).kicked == 2)
  }

  @Test func `a server that is gone doesn't keep the others from being done`() throws {
    let server = try QueueServer()
    try server.bury(1, in: "a")
    let gone = QueueServerAddress(host: "127.0.0.1", port: try freePort())
    var request = AmendRequest(servers: [gone, server.address])
    request.concurrency = 2
    let report = Amender.run(request)
    #expect(!report.isComplete)
    #expect(report.kicked == 1)
    #expect(report.servers[0].failure?.contains("can't connect") == true)
  }

  @Test func `published messages are in the main queue with their priority and delay`() throws {
    let server = try QueueServer()
    let publisher = try BeanstalkPublisher(servers: [server.address], tube: "main")
    var message = try OutgoingMessage(topic: "t", json: Array("[1]".utf8))
    message.priority = 5
    try PublishRun.run([message], count: 100, to: publisher) { _, _ in }
    message.delay = 50
    try publisher.publish([message.job()])
    let counters = try server.counters("main")
    #expect(counters["current-jobs-ready"] == 100)
    #expect(counters["current-jobs-urgent"] == 100)
    #expect(counters["current-jobs-delayed"] == 1)
  }
}
