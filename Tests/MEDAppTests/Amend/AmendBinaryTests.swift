import Foundation
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§13 The program amender", .showsServerOutput)
struct AmendBinaryTests {
  private func amender(_ arguments: String...) async throws -> ServerProcess.Finished {
    try await ServerProcess.run(BuiltBinary.path("amender"), arguments)
  }

  private func file(_ text: String, _ scratch: Scratch) throws -> String {
    let path = scratch.path + "/c.toml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func `the config of another dispatcher will do, and nothing but queue servers is touched`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    for server in servers { try server.bury(3, in: "order_paid/sub-queue/7", delayed: 1) }
    let scratch = try Scratch()
    // As an installation has it that never ran this program: keys that aren't known here, values out of our bounds, a
    // secret that isn't set, directories and servers that aren't there, a queue server named twice.
    let path = try file(
      """
      # the old dispatcher's
      QueueServerType = "beanstalk"
      QueueServerAddr = "\(servers[0].address), \(servers[1].address),\(servers[0].address)"
      NameOfMainQueue = "main-incoming-queue"
      ListenersOfMainQueue = 0
      SendersPerChannel = 500
      MaxSendersPerChannel = 50
      GOMAXPROCS = 8
      WorkerPool = { Size = 10, Kind = "fixed" }
      LOG_DIR = "\(scratch.path)/no/log/"
      DATA_DIR = "\(scratch.path)/no/data/"
      DropMessageLogDir = "\(scratch.path)/no/drop/"
      DAEMON_USER = "nobody-that-exists"
      PidFile = "\(scratch.path)/no/pid"
      DebugAddr = "0.0.0.0:9898"
      [Database]
      Host = "db.invalid"
      Password = "${AMENDER_TEST_UNSET}"
      Charset = "utf8"
      [Redis]
      Addr = "127.0.0.1:1"
      [Statsd]
      Host = "127.0.0.1"
      """, scratch)
    let run = try await amender("-f", path)
    #expect(run.status == .code(0), "\(run.output)\(run.errors)")
    #expect(run.output.contains("total: 2 queue servers, 6 buried in 2 tubes, 6 kicked"))
    #expect(run.errors.contains("errors that don't matter here"))
    for server in servers { #expect(try server.jobs() == JobTotals(ready: 3, delayed: 1)) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["c.toml"])
  }

  @Test func `options narrow what is done`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    for server in servers { for tube in ["a/1", "a/2", "b"] { try server.bury(1, in: tube) } }
    let scratch = try Scratch()
    let path = try file(#"QueueServerAddr = "\#(servers[0].address),\#(servers[1].address)""#, scratch)

    let dry = try await amender("-f", path, "--dry-run", "--json")
    #expect(dry.status == .code(0))
    #expect(dry.output.contains(#""buried":6,"kicked":0,"left_buried":6"#))
    let narrow = try await amender("-f", path, "-c", "1", "--server", servers[1].address, "--tube", "a*", "--tube", "c")
    #expect(narrow.status == .code(1))
    #expect(narrow.output.contains("no tube matches \"c\""))
    #expect(narrow.output.contains("2 buried in 2 tubes, 2 kicked"))
    #expect(try servers[0].jobs() == JobTotals(buried: 3))
    #expect(try servers[1].jobs() == JobTotals(ready: 2, buried: 1))

    let worker = try servers[0].client()
    #expect(try worker.ask("watch b").first == "WATCHING")
    let watched = try await amender("-f", path)
    #expect(watched.status == .code(0))
    #expect(watched.output.contains("skipped: watched by 1 connection, 1 left buried"))
    #expect(try servers[0].jobs() == JobTotals(ready: 2, buried: 1))
    #expect(try await amender("-f", path, "--even-watched").status == .code(0))
    #expect(try servers[0].jobs() == JobTotals(ready: 3))
  }

  @Test(arguments: [
    ["-c", "0"], ["-c", "65"], ["--tube", ""], ["--tube", "default"], ["--server", "127.0.0.1:2"],
    ["--server", "x:y"],
    ["x"],
  ])
  func `what can't be meant ends with 64`(arguments: [String]) async throws {
    let scratch = try Scratch()
    let path = try file("QueueServerAddr = \"127.0.0.1:1\"", scratch)
    let run = try await ServerProcess.run(BuiltBinary.path("amender"), ["-f", path] + arguments)
    #expect(run.status == .code(64))
    #expect(!run.errors.isEmpty && run.output.isEmpty)
  }

  @Test(arguments: [
    ("QueueServerAddr = \"127.0.0.1:0\"", "c.toml:1: error: QueueServerAddr: found \"127.0.0.1:0\""),
    ("QueueServerAddr = 5", "c.toml:1: error: QueueServerAddr: found 5"),
    ("QueueServerAddr = \"${AMENDER_TEST_UNSET}\"", "AMENDER_TEST_UNSET is not set"),
    ("QueueServerAddr = \"\"", "c.toml:1: error: QueueServerAddr"), ("QueueServerAddr", "c.toml:1: error: column"),
    (nil, "c.toml: error: can't open"),
  ])
  func `queue servers that can't be known end with 78`(text: String?, told: String) async throws {
    let scratch = try Scratch()
    let path = try text.map { try file($0, scratch) } ?? scratch.path + "/c.toml"
    let run = try await amender("-f", path, "--json")
    #expect(run.status == .code(78))
    #expect(run.errors.contains(told), "\(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test func `a server that can't be reached ends with 1`() async throws {
    let scratch = try Scratch()
    let path = try file("QueueServerAddr = \"127.0.0.1:1\"", scratch)
    let run = try await amender("-f", path, "--json")
    #expect(run.status == .code(1))
    let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
    #expect(object?["complete"] as? Bool == false)
    #expect(run.output.contains("can't connect to 127.0.0.1:1"))
  }

  @Test func `a file without queue servers means the default one, and that is said`() async throws {
    let scratch = try Scratch()
    let run = try await amender("-f", try file("LOG_DIR = \"x\"", scratch), "--dry-run", "--tube", "no-such-tube")
    #expect(run.errors.contains("has no QueueServerAddr: 127.0.0.1:11300 is taken"))
    #expect(run.status == .code(1))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a signal ends it with what was done`(signal: Int32) async throws {
    let server = try await BeanstalkdServer.start()
    for tube in 0..<40 { try server.bury(2, in: "t\(tube)") }
    let proxy = try FaultProxy(to: server)
    // One tube after the other gets its answer; the last ones never would.
    proxy.add(.swallow(afterSeeing: "name: t37", .toClient))
    proxy.add(.swallow(afterSeeing: "name: \"t37", .toClient))
    let scratch = try Scratch()
    let process = try ServerProcess(
      BuiltBinary.path("amender"),
      ["-f", try file("QueueServerAddr = \"\(proxy.address)\"", scratch), "-c", "1", "--json"])
    try await eventually("it has begun") { try server.jobs().ready > 0 }
    process.signal(signal)
    #expect(try await process.waitForExit() == .code(1))
    let line = try #require(process.output.split(separator: "\n").last { $0.hasPrefix("{") })
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["interrupted"] as? Bool == true)
    let kicked = try #require(object["kicked"] as? Int)
    #expect(kicked > 0 && kicked < 80)
    #expect(try server.jobs() == JobTotals(ready: kicked, buried: 80 - kicked))
  }

  @Test func `a second signal ends it at once`() async throws {
    let server = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: server)
    proxy.pause()
    let scratch = try Scratch()
    let process = try ServerProcess(
      BuiltBinary.path("amender"), ["-f", try file("QueueServerAddr = \"\(proxy.address)\"", scratch)])
    try await eventually("it waits for signals") {
      try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8).contains("Threads:\t") == true
        && threads(of: process.pid).contains("signals")
    }
    process.signal(SIGINT)
    process.signal(SIGTERM)
    #expect(try await process.waitForExit() == .code(1))
  }

  private func threads(of pid: pid_t) -> [String] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
    return tasks.compactMap { task in
      try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/comm", encoding: .utf8)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  @Test func `a terminal shows a bar for many tubes, and nothing else does`() async throws {
    let server = try await BeanstalkdServer.start()
    for tube in 0..<40 { try server.bury(1, in: "t\(tube)") }
    let scratch = try Scratch()
    let path = try file("QueueServerAddr = \"\(server.address)\"", scratch)
    let script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    func onTerminal(_ arguments: String...) async throws -> ServerProcess.Finished {
      try await ServerProcess.run("python3", ["-c", script, BuiltBinary.path("amender"), "-f", path] + arguments)
    }
    let shown = try await onTerminal("--dry-run")
    #expect(shown.output.contains("looking █") && shown.output.contains("100 % (40/40)"))
    let few = try await onTerminal("--dry-run", "--tube", "t1*")
    #expect(!few.output.contains("█"))
    let run = try await amender("-f", path)
    #expect(run.errors.isEmpty)
    #expect(run.output.contains("40 kicked"))
  }
}
