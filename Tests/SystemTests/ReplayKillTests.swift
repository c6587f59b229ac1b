import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§14 A replay is interrupted and resumed", .showsServerOutput)
struct ReplayKillTests {
  /// A replay through a proxy.
  private struct Proxied {
    let place: ReplayPlace
    let proxy: FaultProxy

    init(_ lines: String) async throws {
      let server = try await BeanstalkdServer.start()
      proxy = try FaultProxy(to: server)
      place = try ReplayPlace([server], addresses: [proxy.address])
      try place.write(lines)
    }
  }

  @Test func `killed again and again, each message is there, and a kill costs one copy at most`() async throws {
    let count = 3000
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<count))
    let replay = try place.startReplay("data.log")
    var random = SystemRandomNumberGenerator()
    var kills = 0
    while true {
      let wanted = try place.count() + Int.random(in: 1...300, using: &random)
      try await eventually("more are put, or it is done", every: .microseconds(200)) {
        try !replay.isRunning || place.count() >= wanted
      }
      guard replay.signal(SIGKILL) else { break }
      if try await replay.waitForExit() == .signal(SIGKILL) { kills += 1 } else { break }
      try replay.start()
    }
    #expect(replay.exitStatus == .code(0))
    #expect(kills >= 3)
    let copies = try place.copies()
    #expect(Set(copies.keys) == Set(0..<count), "none is lost")
    let extra = copies.values.reduce(0) { $0 + $1 - 1 }
    #expect(extra <= kills, "\(extra) copies too many of \(kills) kills")
    // The same bytes, hence the same jobid.
    #expect(Set(try place.jobs().map(\.body)).count == count)
    #expect(try await place.replay("data.log", "--json").json["put"] as? Int == 0)
  }

  @Test(arguments: [1, 2, 7, 20])
  func `killed between a put and its note, that one message comes twice and no other`(number: Int) async throws {
    let proxied = try await Proxied(ReplayPlace.lines(0..<20))
    let place = proxied.place
    let replies = StreamCount("INSERTED ")
    let process = Locked<ServerProcess?>(nil)
    proxied.proxy.add(
      .custom(.toClient) { piece in
        guard replies.add(piece).count == number else { return .forward }
        process.withLock { _ = $0?.signal(SIGKILL) }
        return .drop
      })
    // The process is known before it can have put anything.
    proxied.proxy.pause()
    let replay = try place.startReplay("data.log")
    process.withLock { $0 = replay }
    proxied.proxy.resume()
    #expect(try await replay.waitForExit() == .signal(SIGKILL))
    proxied.proxy.removeAllRules()
    try replay.start()
    #expect(try await replay.waitForExit() == .code(0))
    var expected = Dictionary(uniqueKeysWithValues: (0..<20).map { ($0, 1) })
    expected[number - 1] = 2
    #expect(try place.copies() == expected)
    #expect(Set(try place.jobs().map(\.body)).count == 20)
  }

  @Test func `a server that is lost before it answers may have the message twice, which is told`() async throws {
    let proxied = try await Proxied(ReplayPlace.lines(0..<10))
    proxied.proxy.add(.cut(beforeForwarding: "INSERTED ", .toClient))
    let run = try await proxied.place.replay("data.log", "--json")
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(try run.json["unanswered"] as? Int == 1)
    let copies = try proxied.place.copies()
    #expect(copies.count == 10)
    #expect(copies[0] == 2)
    #expect(copies.values.reduce(0, +) == 11)
  }

  @Test func `a put that is answered BURIED is stored`() async throws {
    let proxied = try await Proxied(ReplayPlace.lines(0..<3))
    proxied.proxy.add(
      .custom(.toClient) { piece in
        guard piece.starts(with: "INSERTED ".utf8) else { return .forward }
        return .replace(Array("BURIED ".utf8) + piece.dropFirst("INSERTED ".utf8.count))
      })
    let run = try await proxied.place.replay("data.log", "--json")
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(try proxied.place.copies() == [0: 1, 1: 1, 2: 1])
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `a signal ends it after the message in hand, with its position noted`(signal: Int32) async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<1000))
    let replay = try place.startReplay("data.log", "--json")
    try await eventually("some are put", every: .milliseconds(1)) { try place.count() > 20 }
    replay.signal(signal)
    #expect(try await replay.waitForExit() == .code(130))
    let put = try place.count()
    #expect(put < 1000)
    let report = try JSONSerialization.jsonObject(with: Data(replay.output.utf8)) as? [String: Any]
    #expect(report?["put"] as? Int == put)
    #expect(report?["interrupted"] as? Bool == true)
    #expect(try await place.replay("data.log").status == .code(0))
    #expect(try place.copies() == Dictionary(uniqueKeysWithValues: (0..<1000).map { ($0, 1) }))
  }

  @Test func `a signal ends the pause of a slow rate`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<1000))
    let slow = try place.startReplay("data.log", "--rate", "1")
    try await eventually("the first is put") { try place.count() >= 1 }
    slow.signal(SIGINT)
    #expect(try await slow.waitForExit() == .code(130))
    let put = try place.count()
    #expect(put < 1000)
    #expect(slow.output.contains("interrupted; the position is kept"))
    #expect(try await place.replay("data.log", "--json").json["put"] as? Int == 1000 - put)
  }

  @Test func `while one replay runs another one with its position file is refused`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<1000))
    let slow = try place.startReplay("data.log", "--rate", "1")
    try await eventually("the first is put") { try place.count() >= 1 }
    let other = try await place.replay("data.log")
    #expect(other.status == .code(1))
    #expect(other.errors.contains("another replay is at work"))
    #expect(try await slow.stop() == .code(130))
  }
}
