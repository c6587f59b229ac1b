import Foundation
import MEDTestSupport
import Testing

/// A system whose dispatcher answers on DebugAddr.
private struct Watched {
  let system: SystemHarness
  let port: UInt16

  init(_ settings: [String: String] = [:]) async throws {
    port = try FreePort.next()
    system = try await SystemHarness.start(
      settings: settings.merging(["DebugAddr": "\"127.0.0.1:\(port)\""]) { $1 })
  }

  /// Starts the dispatcher and waits until it answers.
  func start() async throws {
    try await system.startDispatcher()
    try await eventually("DebugAddr answers", within: .seconds(20)) { try await !state().isEmpty }
  }

  /// The state as JSON says it.
  func state() async throws -> [String: Any] {
    let response = try PlainHTTP.send(port: port, path: "/debug", timeout: .seconds(20))
    guard response.status == 200 else { throw Unexpected(description: "status \(response.status)") }
    return try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any] ?? [:]
  }

  /// What is told may be a tenth of a second old.
  func waitForInFlight(_ count: Int) async throws {
    try await eventually("\(count) pushes are in flight", within: .seconds(20)) {
      (try await state()["lanes"] as? [String: Any])?["in_flight"] as? Int == count
    }
  }

  func medctl(_ words: String...) async throws -> ServerProcess.Finished {
    try await ServerProcess.run(BuiltBinary.path("medctl"), words + ["-f", system.config])
  }
}

extension ServerProcess.Finished {
  var json: [String: Any] {
    get throws { try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:] }
  }
}

@Suite("§17 DebugAddr, through the binary", .showsServerOutput)
struct DebugAddressTests {
  @Test func `it tells of messages, lanes, queue servers, subscriptions and the DATA log`() async throws {
    let watched = try await Watched(["EnableMsgSentLog": "true"])
    let system = watched.system
    let id = try await system.subscribe()
    system.receiver.hold(system.path(id))
    try system.publish(0..<50)
    try await watched.start()
    try await watched.waitForInFlight(10)
    let state = try await watched.state()
    #expect((state["version"] as? String)?.isEmpty == false)
    #expect((state["resident_bytes"] as? Int ?? 0) > 1 << 20)
    #expect((state["counters"] as? [String: Any])?["received"] as? Int == 50)
    let lanes = try #require(state["lanes"] as? [String: Any])
    #expect(lanes["in_flight"] as? Int == 10)
    let lane = try #require((lanes["listed"] as? [[String: Any]])?.first)
    #expect(lane["subscription"] as? Int == id)
    #expect(lane["topic"] as? String == SystemHarness.topic)
    #expect(lane["kind"] as? String == "channel")
    #expect(lane["concurrency"] as? Int == 10)
    let server = try #require((state["queue_servers"] as? [[String: Any]])?.first)
    #expect(server["address"] as? String == system.server.address)
    #expect(server["is_reachable"] as? Bool == true)
    #expect(server["command_connections_up"] as? Int == 1)
    #expect(server["take_connections_up"] as? Int == 2)
    #expect(server["listeners_up"] as? Int == 1)
    #expect((server["held_tubes"] as? Int ?? 0) >= 1)
    #expect((state["directory"] as? [String: Any])?["subscriptions"] as? Int == 1)
    system.receiver.release(system.path(id))
    try await eventually("all are delivered, and counted as pushes of a second", within: .seconds(20)) {
      let state = try await watched.state()
      return (state["rates"] as? [String: Any])?["pushes_last10_seconds"] as? Int == 50
    }
    try await eventually("they are on the DATA log", within: .seconds(20)) {
      (try await watched.state()["data_log"] as? [String: Any])?["records_written"] as? Int == 50
    }
  }

  @Test func `no URL, secret or message is told`() async throws {
    let watched = try await Watched()
    let system = watched.system
    let id = try await system.subscribe(parameters: ["SigningSecret": "hush-hush", "AckMode": "http"])
    system.receiver.hold(system.path(id))
    try system.publish(0..<3)
    try await watched.start()
    try await watched.waitForInFlight(3)
    let text = try PlainHTTP.send(port: watched.port, path: "/", timeout: .seconds(20)).text
    for secret in ["hush", system.path(id), "http:", MessageMark.text(0), "password"] {
      #expect(!text.contains(secret), "\(secret)")
    }
    system.receiver.release(system.path(id))
  }

  @Test func `a queue server that is away is told with the reason, and its return`() async throws {
    let watched = try await Watched()
    try await watched.start()
    func isReachable() async throws -> (Bool?, String?) {
      let server = (try await watched.state()["queue_servers"] as? [[String: Any]])?.first
      return (server?["is_reachable"] as? Bool, server?["latest_error"] as? String)
    }
    try await eventually("reached", within: .seconds(20)) { try await isReachable().0 == true }
    try await watched.system.server.process.crash()
    try await eventually("lost", within: .seconds(20)) {
      let (reachable, error) = try await isReachable()
      return reachable == false && error != nil
    }
    try await watched.system.server.start()
    try await eventually("reached again", within: .seconds(20)) { try await isReachable().0 == true }
  }

  @Test func `a stop isn't held up by idle clients`() async throws {
    let watched = try await Watched()
    try await watched.start()
    _ = try await watched.state()
    // Not read to the end: they stay open.
    let clients = try (0..<8).map { _ in try PlainHTTP.Exchange(port: watched.port, path: "/debug", headers: []) }
    #expect(try await watched.system.stopDispatcher() == .code(0))
    #expect(watched.system.log("error").isEmpty)
    withExtendedLifetime(clients) {}
  }

  @Test func `a port in use is named with its key before anything is taken`() async throws {
    let watched = try await Watched()
    try await watched.start()
    _ = try await watched.state()
    let other = try SystemHarness(
      watched.system.server, settings: ["DebugAddr": "\"127.0.0.1:\(watched.port)\""])
    let run = try await ServerProcess.run(BuiltBinary.path("medispatcher"), ["-f", other.config])
    #expect(run.status == .code(1))
    #expect(run.errors.contains("DebugAddr: can't listen on 127.0.0.1:\(watched.port): Address already in use"))
    #expect(!other.log("info").contains("queue server reached"))
  }
}

@Suite("§14 medctl stats, kick and subscriptions, through the binary", .showsServerOutput)
struct MedctlSystemTests {
  @Test func `stats shows queues without a dispatcher, and says that none answers`() async throws {
    let watched = try await Watched()
    let system = watched.system
    let id = try await system.subscribe()
    let client = try system.server.client()
    for _ in 0..<3 { try client.put("x", into: SystemHarness.channel(id)) }
    try client.put("x", into: SystemHarness.channel(id) + "/FAIL", delay: 1000)
    try client.put("x", into: SystemHarness.mainQueue)
    try client.put("x", into: "elsewhere")
    let text = try await watched.medctl("stats")
    #expect(text.status == .code(0), "\(text.errors)")
    #expect(text.output.contains("\(SystemHarness.channel(id))  "))
    #expect(text.output.contains("no dispatcher answers on 127.0.0.1:\(watched.port)"))
    #expect(!text.output.contains("elsewhere"))
    let json = try await watched.medctl("stats", "--json").json
    #expect(json["complete"] as? Bool == true)
    #expect((json["dispatcher"] as? [String: Any])?["answers"] as? Bool == false)
    let server = try #require((json["queue_servers"] as? [[String: Any]])?.first)
    #expect(server["other_tubes"] as? Int == 1)
    let tubes = try #require(server["tubes"] as? [[String: Any]])
    #expect(tubes.map { $0["kind"] as? String } == ["main", "channel", "retry"])
    #expect(tubes[1]["ready"] as? Int == 3)
    #expect(tubes[1]["subscription"] as? Int == id)
    #expect(tubes[2]["delayed"] as? Int == 1)
  }

  @Test func `stats shows the lanes and rates of a dispatcher that answers`() async throws {
    let watched = try await Watched()
    let system = watched.system
    let id = try await system.subscribe()
    system.receiver.hold(system.path(id))
    try system.publish(0..<40)
    try await watched.start()
    try await watched.waitForInFlight(10)
    let text = try await watched.medctl("stats")
    #expect(text.status == .code(0), "\(text.errors)")
    #expect(text.output.contains("40 received"))
    #expect(text.output.contains("\(SystemHarness.topic) "))
    let json = try await watched.medctl("stats", "--json").json
    let state = try #require((json["dispatcher"] as? [String: Any])?["state"] as? [String: Any])
    #expect((state["lanes"] as? [String: Any])?["in_flight"] as? Int == 10)
    system.receiver.release(system.path(id))
    try await system.waitUntilEmpty()
  }

  @Test func `a queue server that can't be reached is named, the others are shown, and the exit code is 1`()
    async throws
  {
    let server = try await BeanstalkdServer.start()
    let gone = try FreePort.next()
    let system = try SystemHarness(
      server, settings: ["QueueServerAddr": "\"\(server.address),127.0.0.1:\(gone)\""])
    try server.client().put("x", into: SystemHarness.mainQueue)
    let run = try await ServerProcess.run(BuiltBinary.path("medctl"), ["stats", "-f", system.config])
    #expect(run.status == .code(1))
    #expect(run.output.contains("127.0.0.1:\(gone)"))
    #expect(run.output.contains("failed: "))
    #expect(run.output.contains(SystemHarness.mainQueue))
    #expect(run.output.contains("DebugAddr is empty"))
  }

  @Test func `looking makes no store`() async throws {
    let system = try await SystemHarness.start()
    let run = try await ServerProcess.run(BuiltBinary.path("medctl"), ["stats", "-f", system.config])
    #expect(run.status == .code(0), "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: system.directory.file("data/medispatcher.sqlite")))
  }

  @Test func `--watch without a terminal appends, and ends quietly with its reader`() async throws {
    let watched = try await Watched()
    let medctl = try BuiltBinary.path("medctl")
    let run = try await ServerProcess.run(
      "/bin/bash",
      [
        "-c",
        "'\(medctl)' stats --watch --interval 1 --json -f '\(watched.system.config)' | head -n 2; echo ${PIPESTATUS[0]}",
      ])
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.last == "0")
    #expect(lines.prefix(2).allSatisfy { $0.hasPrefix("{\"time\":") })
    #expect(!run.output.contains("\u{1b}"))
    #expect(run.errors.isEmpty, "\(run.errors)")
  }

  @Test func `many tubes are asked about in batches, and shown no further than asked for`() async throws {
    let watched = try await Watched()
    let system = watched.system
    let client = try system.server.client()
    for number in 1...300 {
      let id = try await system.store.addSubscription(
        topic: "many", urls: ["http://127.0.0.1:9/"], subscriber: "s", parameters: [:])
      for _ in 0..<(number % 5 + 1) { try client.put("x", into: "many/sub-queue/\(id)") }
    }
    let run = try await watched.medctl("stats", "--rows", "7")
    #expect(run.output.split(separator: "\n").count { $0.hasPrefix("many/sub-queue/") } == 7)
    #expect(run.output.contains("… and 293 more tubes with jobs"))
    let json = try await watched.medctl("stats", "--json").json
    let server = try #require((json["queue_servers"] as? [[String: Any]])?.first)
    let tubes = try #require(server["tubes"] as? [[String: Any]])
    #expect(tubes.count == 300)
    #expect(tubes.reduce(0) { $0 + ($1["ready"] as? Int ?? 0) } == 900)
  }

  @Test func `kick gives buried jobs back, so many as asked for, and wakes no delayed one`() async throws {
    let watched = try await Watched()
    let server = watched.system.server
    try bury(5, in: "t", server)
    try server.client().put("later", into: "t", delay: 1000)
    let some = try await watched.medctl("kick", "t", "--count", "2", "--json")
    #expect(some.status == .code(0), "\(some.errors)\(some.output)")
    #expect(try some.json["kicked"] as? Int == 2)
    #expect(try server.client().jobs(in: "t") == JobTotals(ready: 2, delayed: 1, buried: 3))
    let rest = try await watched.medctl("kick", "t", "--server", server.address)
    #expect(rest.output == "\(server.address): kicked 3 of 3\nt: 3 kicked\n")
    #expect(try server.client().jobs(in: "t") == JobTotals(ready: 5, delayed: 1))
    let again = try await watched.medctl("kick", "t")
    #expect(again.status == .code(0))
    #expect(try server.client().jobs(in: "t") == JobTotals(ready: 5, delayed: 1))
  }

  @Test func `kick leaves a watched tube alone unless told otherwise`() async throws {
    let watched = try await Watched()
    let server = watched.system.server
    let worker = try bury(3, in: "t", server)
    _ = try worker.ask("watch t")
    let refused = try await watched.medctl("kick", "t")
    #expect(refused.status == .code(1))
    #expect(refused.output.contains("watched by 1 connection"))
    #expect(refused.output.contains("--even-watched"))
    #expect(try server.client().jobs(in: "t").buried == 3)
    let done = try await watched.medctl("kick", "t", "--even-watched")
    #expect(done.status == .code(0))
    #expect(try server.client().jobs(in: "t").ready == 3)
  }

  @Test func `kick ends with 1 for a tube that isn't there, and with 64 for a server that isn't ours`() async throws {
    let watched = try await Watched()
    let none = try await watched.medctl("kick", "nowhere")
    #expect(none.status == .code(1))
    #expect(none.output.contains("has no such tube"))
    #expect(try await watched.medctl("kick", "t", "--server", "127.0.0.1:1").status == .code(64))
    #expect(try await watched.medctl("kick", "no tube").status == .code(64))
  }

  @Test func `a running dispatcher follows set and cancel`() async throws {
    let watched = try await Watched()
    let system = watched.system
    let id = try await system.subscribe()
    try await watched.start()
    let set = try await watched.medctl("subscriptions", "set", "\(id)", "Concurrency=3", "SigningSecret=hush")
    #expect(set.status == .code(0), "\(set.errors)")
    #expect(set.output == "subscription \(id): Concurrency=3, SigningSecret=…\n")
    let list = try await watched.medctl("subscriptions", "list")
    #expect(list.output.contains("Concurrency=3 SigningSecret=…"))
    #expect(!list.output.contains("hush"))

    try await eventually("it is in force", within: .seconds(20)) {
      system.directory.read("data/subscription_params_\(id).json").contains("\"Concurrency\":3,")
    }
    system.receiver.hold(system.path(id))
    try system.publish(0..<20)
    try await watched.waitForInFlight(3)
    let unset = try await watched.medctl("subscriptions", "set", "\(id)", "--unset", "Concurrency", "--json")
    #expect(unset.output == "{\"id\":\(id),\"set\":{},\"unset\":[\"Concurrency\"]}\n")
    // The default is back in force.
    try await watched.waitForInFlight(10)
    system.receiver.release(system.path(id))
    try await system.waitUntilEmpty()

    let cancel = try await watched.medctl("subscriptions", "cancel", "\(id)")
    #expect(cancel.output == "subscription \(id) cancelled\n")
    try await eventually("it isn't served any more", within: .seconds(20)) {
      (try await watched.state()["directory"] as? [String: Any])?["subscriptions"] as? Int == 0
    }
    #expect(
      try await watched.medctl("subscriptions", "cancel", "\(id)", "--json").json["was_cancelled"] as? Bool == true)
  }

  @Test func `an unknown id ends with 1, a value out of bounds with 64, and nothing is changed`() async throws {
    let watched = try await Watched()
    let id = try await watched.system.subscribe()
    for command in [["set", "\(id + 1)", "Concurrency=3"], ["cancel", "\(id + 1)"]] {
      let run = try await ServerProcess.run(
        BuiltBinary.path("medctl"), ["subscriptions"] + command + ["-f", watched.system.config])
      #expect(run.status == .code(1))
      #expect(run.errors.contains("there is no subscription \(id + 1)"))
    }
    let wrong = try await watched.medctl("subscriptions", "set", "\(id)", "AckMode=http", "Concurrency=11")
    #expect(wrong.status == .code(64))
    #expect(wrong.errors.contains("Concurrency: expected 1 ... 10, got \"11\""))
    #expect(try await watched.system.store.subscription(id)?.subscription.parameters.isEmpty == true)
  }

  @Test func `the shell is offered ids, topics and tubes of the config file at hand`() async throws {
    let watched = try await Watched()
    let id = try await watched.system.subscribe()
    let medctl = try BuiltBinary.path("medctl")
    // As the generated scripts ask: index of the word, index of the cursor, the words so far.
    func offered(_ kind: String, _ words: [String]) async throws -> [Substring] {
      let run = try await ServerProcess.run(
        medctl, ["---completion"] + kind.split(separator: " ").map(String.init) + words)
      return run.output.split(separator: "\n")
    }
    let config = watched.system.config
    let words = ["medctl", "subscriptions", "cancel", "-f", config, ""]
    let ids = try await offered("subscriptions cancel -- positional@0", ["5", "0"] + words)
    #expect(ids == ["\(id)"])
    let tubes = try await offered("kick -- positional@0", ["4", "0", "medctl", "kick", "-f", config, ""])
    #expect(tubes.contains("\(SystemHarness.channel(id))"))
    #expect(tubes.contains(SystemHarness.mainQueue[...]))
  }

  /// - Returns: the connection that buried them; it watches `default` alone.
  @discardableResult
  private func bury(_ count: Int, in tube: String, _ server: BeanstalkdServer) throws -> PlainBeanstalk {
    let client = try server.client()
    for number in 0..<count { try client.put("\(number)", into: tube) }
    while let taken = try client.reserve(from: tube) { try client.bury(taken.id) }
    _ = try client.ask("watch default")
    _ = try client.ask("ignore \(tube)")
    return client
  }
}
