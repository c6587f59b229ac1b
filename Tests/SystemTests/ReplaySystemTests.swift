import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§14 medctl replay, through the binary", .showsServerOutput)
struct ReplaySystemTests {
  @Test func `each record goes where it belongs, once`() async throws {
    let place = try await ReplayPlace.start()
    let wrapped = MsgpackValue.binary(ReplayPlace.message(5)).encoded
    try place.write(
      ReplayPlace.line("REDISTFAIL", 0, payload: ReplayPlace.message(0))
        + ReplayPlace.line("EXHAUSTED", 1, payload: ReplayPlace.message(1, retryTimes: 9))
        + ReplayPlace.line("DROPPED", 2, payload: ReplayPlace.message(2))
        + ReplayPlace.line("DROPPED", 3, payload: nil) + ReplayPlace.line("DELFAIL", 3, payload: nil)
        + ReplayPlace.line("KICKFAIL", 3, payload: ReplayPlace.message(3))
        + ReplayPlace.line("DECODERR", 4, payload: [0xc1], subscription: nil)
        + ReplayPlace.line("RECOVFAILBACK", 5, payload: wrapped, subscription: nil))
    let run = try await place.replay("data.log", "--json")
    #expect(run.status == .code(0), "\(run.errors)")
    let report = try run.json
    #expect(report["put"] as? Int == 5)
    #expect(report["without_payload"] as? Int == 1)
    #expect(report["not_chosen"] as? Int == 2)
    let jobs = try place.jobs()
    #expect(jobs.count == 5)
    let channel = jobs.filter { $0.tube == ReplayPlace.channel }
    #expect(
      Set(channel.map(\.body))
        == [ReplayPlace.message(0), ReplayPlace.message(1, retryTimes: 0), ReplayPlace.message(2)])
    let main = jobs.filter { $0.tube == SystemHarness.mainQueue }
    #expect(Set(main.map(\.body)) == [[0xc1], ReplayPlace.message(5)])

    let again = try await place.replay("data.log", "--json")
    #expect(try again.json["put"] as? Int == 0)
    #expect(try place.count() == 5)
    try place.append(ReplayPlace.lines(6..<8))
    #expect(try await place.replay("data.log", "--json").json["put"] as? Int == 2)
    #expect(try place.copies() == [0: 1, 1: 1, 2: 1, 5: 1, 6: 1, 7: 1])
  }

  @Test func `a dry run shows what would go where, puts nothing and tells the command`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<30) + ReplayPlace.lines(30..<50, "EXHAUSTED"))
    let run = try await place.replay("data.log", "--kind", "EXHAUSTED", "--dry-run")
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(run.output.contains("EXHAUSTED  order_paid  order_paid/sub-queue/352         20"))
    #expect(run.output.contains("example: data.log: line 31 (byte "))
    #expect(run.output.contains("total: 20 would be put, 30 not chosen"))
    #expect(run.output.hasSuffix("replay -f \(place.directory.file("config.toml")) data.log --kind EXHAUSTED\n"))
    #expect(try place.count() == 0)
    #expect(!FileManager.default.fileExists(atPath: place.directory.file("data.log.position")))
  }

  @Test func `records are chosen by kind, topic, subscription and time, and put into one queue server`() async throws {
    let place = try await ReplayPlace.start(2)
    try place.write(
      ReplayPlace.lines(0..<120)
        + ReplayPlace.line("REDISTFAIL", 65, payload: ReplayPlace.message(200), subscription: 1))
    let run = try await place.replay(
      "data.log", "--since", "2026-11-23T04:01:00Z", "--until", "2026-11-23T12:01:10+08:00", "--subscription", "352",
      "--topic", "order_paid", "--kind", "redistfail", "--to", "main", "--server", place.servers[1].address)
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(try place.copies() == Dictionary(uniqueKeysWithValues: (60..<70).map { ($0, 1) }))
    #expect(try place.servers[1].jobs().all == 10)
    #expect(try place.jobs().allSatisfy { $0.tube == SystemHarness.mainQueue })
  }

  @Test func `damaged lines are named with line and byte, the rest is put, and the exit code says so`() async throws {
    let place = try await ReplayPlace.start()
    let first = ReplayPlace.lines(0..<2)
    let bad = [
      "\u{1b}[2Jgarbage\n", "2026-11-23T04:00:00.000000Z WHAT {}\n",
      "2026-11-23T04:00:00.000000Z REDISTFAIL {\"payload\":\"?\"}\n",
      "2026-11-23T04:00:00.000000Z REDISTFAIL {\"topic\":\"a b\",\"subscription\":1,\"payload\":\"AAAA\"}\n",
    ]
    try place.write(first + bad.joined() + ReplayPlace.lines(2..<4) + "2026-11-23T04:00:00.0000")
    let run = try await place.replay("data.log")
    #expect(run.status == .code(1))
    #expect(try place.copies() == [0: 1, 1: 1, 2: 1, 3: 1])
    #expect(
      run.errors.contains("line 3 (byte \(first.utf8.count)) is no record: no time at the beginning: \\u{1b}[2Jgar"))
    #expect(run.errors.contains("line 4"))
    #expect(run.errors.contains("line 5 ") && run.errors.contains("payload has a value that it can't have"))
    #expect(run.errors.contains("left out: data.log: line 6") && run.errors.contains("gives no name of a tube"))
    #expect(run.output.contains("total: 4 put, 1 left out, 3 no records"))
    #expect(run.output.contains("isn't complete"))
    #expect(!run.errors.contains("\u{1b}") && !run.output.contains("\u{1b}"))
    // The line that wasn't complete is there for the next run.
    try place.append("00Z DROPPED {}\n" + ReplayPlace.lines(4..<5))
    let next = try await place.replay("data.log", "--json")
    #expect(next.status == .code(0), "\(next.errors)")
    #expect(try next.json["without_payload"] as? Int == 1)
    #expect(try place.copies().count == 5)
  }

  @Test func `files that can't be read are refused before anything is put`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<3))
    try Data([0x1f, 0x8b, 8]).write(to: URL(fileURLWithPath: place.directory.file("data.log.2.gz")))
    for (name, reason) in [
      ("data.log.2.gz", "is compressed (gzip): unpack it first"), (".", "is a directory"), ("none", "No such file"),
    ] {
      let run = try await place.replay("data.log", name)
      #expect(run.status == .code(1))
      #expect(run.errors.contains(reason), "\(run.errors)")
    }
    #expect(try await place.replay("data.log", "./data.log").status == .code(64), "it would be put twice")
    try FileManager.default.copyItem(
      atPath: place.directory.file("data.log"), toPath: place.directory.file("data.log.copy"))
    #expect(try await place.replay("data.log", "data.log.copy").status == .code(64), "so would a copy")
    #expect(try await place.replay("data.log", "--kind", "SENT").status == .code(64))
    #expect(try await place.replay("data.log", "--to", "nowhere").status == .code(64))
    #expect(try await place.replay("data.log", "--rate", "0").status == .code(64))
    #expect(try await place.replay("data.log", "--server", "127.0.0.1:1").status == .code(64))
    #expect(try place.count() == 0)
  }

  @Test func `several files share a position file, and position files among them are left out`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<5), to: "data.log.1")
    try place.write(ReplayPlace.lines(5..<9), to: "data.log")
    let first = try await place.replay("data.log.1", "data.log", "--position", "data.log.position")
    #expect(first.status == .code(0), "\(first.errors)")
    try place.append(ReplayPlace.lines(9..<10))
    let second = try await place.replay(
      "data.log", "data.log.1", "data.log.position", "--position", "data.log.position")
    #expect(second.status == .code(0), "\(second.errors)")
    #expect(second.errors.contains("is a position file, no DATA log: left out"))
    #expect(try place.copies() == Dictionary(uniqueKeysWithValues: (0..<10).map { ($0, 1) }))
  }

  @Test func `a log that is rotated keeps its position, and the user is told where it is`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<5))
    #expect(try await place.replay("data.log").status == .code(0))
    try FileManager.default.moveItem(
      atPath: place.directory.file("data.log"), toPath: place.directory.file("data.log.1"))
    try place.append(ReplayPlace.lines(5..<6), to: "data.log.1")
    let renamed = try await place.replay("data.log.1")
    #expect(renamed.status == .code(1))
    #expect(renamed.errors.contains("go on with --position data.log.position"), "\(renamed.errors)")
    try place.write(ReplayPlace.lines(6..<9))
    let new = try await place.replay("data.log")
    #expect(new.status == .code(1))
    #expect(new.errors.contains("data.log.1"), "\(new.errors)")
    #expect(try place.count() == 5)
    #expect(try await place.replay("data.log.1", "--position", "data.log.position").status == .code(0))
    #expect(try place.copies() == Dictionary(uniqueKeysWithValues: (0..<6).map { ($0, 1) }))
  }

  @Test func `a log that is renamed while it is replayed is replayed to its end`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<2000))
    let replay = try place.startReplay("data.log")
    try await eventually("some are put") { try place.count() > 5 }
    try FileManager.default.moveItem(
      atPath: place.directory.file("data.log"), toPath: place.directory.file("data.log.1"))
    try place.write(ReplayPlace.lines(5000..<5010))
    #expect(try await replay.waitForExit(within: .seconds(30)) == .code(0))
    #expect(try place.copies() == Dictionary(uniqueKeysWithValues: (0..<2000).map { ($0, 1) }))
  }

  @Test func `messages go to all servers in turn, and past those that are away or full`() async throws {
    let place = try await ReplayPlace.start(3)
    try place.write(ReplayPlace.lines(0..<90))
    #expect(try await place.replay("data.log").status == .code(0))
    #expect(try place.servers.map { try $0.jobs().all } == [30, 30, 30])
    try await place.servers[0].stop()
    try await place.servers[1].drain()
    try place.append(ReplayPlace.lines(90..<120))
    let run = try await place.replay("data.log", "--json")
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(try place.servers[2].jobs().all == 60)
    let told = try run.json["queue_servers"] as? [[String: Any]] ?? []
    #expect((told.first?["failure"] as? String)?.contains("can't connect") == true)
    #expect((told.dropFirst().first?["failure"] as? String)?.contains("DRAINING") == true)
  }

  @Test func `with all servers away it stops, keeps its position and tells how to go on`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<5))
    try await place.servers[0].stop()
    let stopped = try await place.replay("data.log")
    #expect(stopped.status == .code(1))
    #expect(stopped.output.contains("stopped: no queue server takes the message: can't connect to"))
    #expect(stopped.output.contains("the position is kept; go on: "))
    try await place.servers[0].start()
    #expect(try await place.replay("data.log").status == .code(0))
    #expect(try place.copies() == Dictionary(uniqueKeysWithValues: (0..<5).map { ($0, 1) }))
  }

  @Test func `a message that is too big is left out and named, and the rest is put`() async throws {
    let place = try await ReplayPlace.start(2, maxJobSize: 1000)
    try place.write(
      ReplayPlace.line("EXHAUSTED", 0, payload: ReplayPlace.message(0, padding: 2000)) + ReplayPlace.lines(1..<4))
    let run = try await place.replay("data.log")
    #expect(run.status == .code(1))
    #expect(run.errors.contains("line 1 (byte 0)") && run.errors.contains("JOB_TOO_BIG"), "\(run.errors)")
    #expect(try place.copies() == [1: 1, 2: 1, 3: 1])
  }

  @Test func `records that are written while it runs are for the next run`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<1000))
    let replay = try place.startReplay("data.log")
    try await eventually("it has begun") { try place.count() > 0 }
    // As the dispatcher would, if the messages failed again.
    while replay.isRunning {
      try place.append(ReplayPlace.lines(0..<1, "EXHAUSTED"))
      await Task.yield()
    }
    #expect(try await replay.waitForExit() == .code(0))
    #expect(try place.count() == 1000)
  }

  @Test func `a damaged position file is refused, and nothing is put`() async throws {
    let place = try await ReplayPlace.start()
    try place.write(ReplayPlace.lines(0..<5))
    #expect(try await place.replay("data.log").status == .code(0))
    try place.write("medctl replay position 1\nrubbish", to: "data.log.position")
    let run = try await place.replay("data.log")
    #expect(run.status == .code(1))
    #expect(run.errors.contains("is damaged"))
    let other = try await place.replay("data.log", "--position", "data.log")
    #expect(other.status == .code(1))
    #expect(other.errors.contains("isn't a position file of medctl replay"))
    #expect(try place.count() == 5)
    #expect(place.directory.read("data.log") == ReplayPlace.lines(0..<5))
  }
}
