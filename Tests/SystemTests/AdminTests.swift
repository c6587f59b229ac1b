import Foundation
import MEDTestSupport
import Testing

@Suite("§8 Admin API of a dispatcher", .showsServerOutput)
struct AdminTests {
  @Test func `a subscription is added, served at once, changed, and cancelled`() async throws {
    // Nothing but the command itself can tell it of a change.
    let admin = try await AdministeredSystem.start(settings: ["MaxSendersPerChannel": "50"])
    let system = admin.system
    try system.configure(["Store.RefreshInterval": "3600"])
    try await admin.startDispatcher()
    let paths = ["/first", "/second"]
    for path in paths { system.receiver.on(path) { _ in .ok } }

    let topic = "fresh"
    let created = try admin.send(
      "POST", "/subscriptions",
      #"{"topic":"\#(topic)","urls":["\#(system.receiver.url(paths[0]))"],"parameters":{"Concurrency":20}}"#)
    #expect(created.status == 201, "\(created.text)")
    let made = try JSONSerialization.jsonObject(with: Data(created.body)) as? [String: Any] ?? [:]
    let id = try #require(made["id"] as? Int)
    #expect(created.headers.contains { $0.name == "location" && $0.value == "/api/v1/subscriptions/\(id)" })
    #expect(made["subscriber"] as? String == "admin" && made["status"] as? String == "live")
    #expect(made["parameters"] as? [String: String] == ["Concurrency": "20"])
    try system.server.client().put(SystemHarness.message(1, topic: topic), into: SystemHarness.mainQueue)
    try await eventually("it is pushed", within: .seconds(30)) { system.receiver.requests(paths[0]).count == 1 }

    let parameters = try admin.object(
      "PATCH", "/subscriptions/\(id)/parameters", #"{"Concurrency":"40","AlerterEnabled":false}"#)
    #expect((parameters["parameters"] as? [String: Any])?["Concurrency"] as? Int == 40)
    #expect((parameters["parameters"] as? [String: Any])?["AlerterEnabled"] as? Bool == false)
    let back = try admin.object("PATCH", "/subscriptions/\(id)/parameters", #"{"Concurrency":null}"#)
    #expect((back["parameters"] as? [String: Any])?["Concurrency"] as? Int == 10)
    let refused = try admin.send("PATCH", "/subscriptions/\(id)/parameters", #"{"Concurrency":51}"#)
    #expect(refused.status == 422)
    #expect(refused.text.contains(#"Concurrency: expected 1 ... 50, got \"51\""#))
    #expect(try admin.send("PATCH", "/subscriptions/999/parameters", #"{"Concurrency":5}"#).status == 404)

    let moved = try admin.object(
      "PATCH", "/subscriptions/\(id)", #"{"urls":["\#(system.receiver.url(paths[1]))"]}"#)
    #expect(moved["urls"] as? [String] == [system.receiver.url(paths[1])])
    try system.server.client().put(SystemHarness.message(2, topic: topic), into: SystemHarness.mainQueue)
    try await eventually("it is pushed elsewhere", within: .seconds(30)) {
      system.receiver.requests(paths[1]).count == 1
    }
    #expect(try admin.send("PATCH", "/subscriptions/\(id)", #"{"urls":["nowhere"]}"#).status == 422)

    #expect(try admin.object("DELETE", "/subscriptions/\(id)")["status"] as? String == "cancelled")
    #expect(try admin.object("DELETE", "/subscriptions/\(id)")["status"] as? String == "cancelled")
    try system.server.client().put(SystemHarness.message(3, topic: topic), into: SystemHarness.mainQueue)
    try await system.waitUntilEmpty()
    #expect(system.receiver.requests(paths[1]).count == 1)
    #expect(try admin.send("DELETE", "/subscriptions/999").status == 404)
    #expect(try admin.send("POST", "/subscriptions", #"{"topic":"no tube","urls":["http://a/"]}"#).status == 422)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `a default address that can't be had costs the admin API, and nothing else`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    // Either of them has it, or somebody else does.
    let taker = try ServerProcess("beanstalkd", ["-l", "127.0.0.1", "-p", "5680"])
    try await eventually("somebody has it", within: .seconds(20)) {
      (try? PlainBeanstalk(port: 5_680)) != nil
    }
    let text = try String(contentsOfFile: system.config, encoding: .utf8)
    let admin = "[Admin]\nAddr = \"\"\n"
    #expect(text.contains(admin))
    try text.replacing(admin, with: "").write(toFile: system.config, atomically: true, encoding: .utf8)
    try await system.startDispatcher()
    try system.publish(0..<5)
    try await system.receiver.waitFor(count: 5, on: system.path(id), within: .seconds(30))
    #expect(system.log("warn").contains("there is no admin API"))
    #expect(try await system.stopDispatcher() == .code(0))
    try await taker.stop()
  }

  @Test func `subscriptions come page by page, by topic and state`() async throws {
    let admin = try await AdministeredSystem.start()
    var ids: [Int] = []
    for number in 0..<5 { ids.append(try await admin.system.subscribe(number % 2 == 0 ? "even" : "odd")) }
    try await admin.startDispatcher()
    _ = try admin.object("DELETE", "/subscriptions/\(ids[0])")
    func page(_ query: String) throws -> (ids: [Int], next: Int?) {
      let page = try admin.object("GET", "/subscriptions?\(query)")
      let listed = page["subscriptions"] as? [[String: Any]] ?? []
      return (listed.compactMap { $0["id"] as? Int }, page["next"] as? Int)
    }
    #expect(try page("limit=2") == (Array(ids[..<2]), ids[1]))
    #expect(try page("limit=2&after=\(ids[1])").ids == Array(ids[2..<4]))
    #expect(try page("limit=2&after=\(ids[3])") == ([ids[4]], nil))
    #expect(try page("topic=even").ids == [ids[0], ids[2], ids[4]])
    #expect(try page("topic=even&status=live").ids == [ids[2], ids[4]])
    #expect(try page("status=cancelled").ids == [ids[0]])
    #expect(try page("topic=nobody") == ([], nil))
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }

  @Test func `readyz turns 503 when the queue server dies, and back, livez and healthz stay`() async throws {
    let admin = try await AdministeredSystem.start()
    try await admin.startDispatcher()
    #expect(try admin.object("GET", "//healthz")["status"] as? String == "ok")
    try await admin.system.server.crash()
    try await eventually("it isn't ready", within: .seconds(60)) { try admin.send("GET", "//readyz").status == 503 }
    let problems = try admin.object("GET", "//readyz", status: 503)["problems"] as? [[String: Any]] ?? []
    #expect(problems.first?["kind"] as? String == "queue_server")
    #expect(problems.first?["subject"] as? String == admin.system.server.address)
    #expect(try admin.object("GET", "//healthz")["status"] as? String == "degraded")
    #expect(try admin.send("GET", "//livez").status == 200)
    let queues = try admin.object("GET", "/queues")
    #expect(((queues["servers"] as? [[String: Any]])?.first?["error"] as? String)?.isEmpty == false)
    try await admin.system.server.start()
    try await eventually("it is ready again", within: .seconds(60)) { try admin.send("GET", "//readyz").status == 200 }
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }

  @Test func `without a token nothing is changed`() async throws {
    let admin = try await AdministeredSystem.start(admin: ["Admin.Token": "\"\""])
    try await admin.startDispatcher()
    let refused = try admin.send("POST", "/cache/clear", "{}", token: nil)
    #expect(refused.status == 403)
    #expect(refused.text.contains("MEDISPATCHER_ADMIN_TOKEN"))
    #expect(try admin.send("GET", "/config", token: nil).status == 200)
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }

  @Test func `where others can reach it nothing is told without the token, not even by probes`() async throws {
    let admin = try await AdministeredSystem.start()
    try admin.system.configure(["Admin.Addr": "\"0.0.0.0:\(admin.port)\""])
    try await admin.startDispatcher()
    for path in ["//livez", "//readyz", "//healthz", "//openapi.json", "/config", "/subscriptions", "/nothing"] {
      #expect(try admin.send("GET", path, token: nil).status == 401, "\(path)")
    }
    #expect(try admin.send("GET", "//livez").status == 200)
    let health = try await admin.medctl("health")
    #expect(health.status == .code(0), "\(health.errors)")
    try admin.system.configure(["Admin.Token": "\"\""])
    #expect(try await admin.system.stopDispatcher() == .code(0))
    let refused = try await ServerProcess.run(BuiltBinary.path("medispatcher"), ["-f", admin.system.config])
    #expect(refused.status == .code(78) && refused.errors.contains("needs a Token"), "\(refused.errors)")
  }

  @Test func `an address in use is named, and nothing is taken from a queue`() async throws {
    let admin = try await AdministeredSystem.start()
    try await admin.startDispatcher()
    let second = try await AdministeredSystem.start()
    try second.system.configure(["Admin.Addr": "\"127.0.0.1:\(admin.port)\""])
    try second.system.publish(0..<1)
    let run = try await ServerProcess.run(BuiltBinary.path("medispatcher"), ["-f", second.system.config])
    #expect(run.status == .code(1))
    #expect(run.errors.contains("[Admin] Addr: can't listen on 127.0.0.1:\(admin.port)"), "\(run.errors)")
    #expect(try second.system.server.jobs().ready == 1)
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }

  @Test func `the configuration is told without secrets`() async throws {
    let admin = try await AdministeredSystem.start(
      tables: "[Database]\nDbName = \"d\"\nPassword = \"hunter2\"\n[Redis]\nPassword = \"hunter3\"\n")
    try admin.system.configure(["Store.Type": "\"sqlite\""])
    try await admin.startDispatcher()
    let response = try admin.send("GET", "/config")
    #expect(response.status == 200)
    for secret in ["hunter2", "hunter3", AdministeredSystem.token] { #expect(!response.text.contains(secret)) }
    let options = try admin.object("GET", "/config")["options"] as? [[String: Any]] ?? []
    func value(_ section: String, _ key: String) -> String? {
      options.first { $0["section"] as? String == section && $0["key"] as? String == key }?["value"] as? String
    }
    #expect(value("Admin", "Addr") == "\"127.0.0.1:\(admin.port)\"")
    #expect(value("Admin", "Token") == "\"(hidden)\"")
    #expect(value("", "SendersPerChannel") == "10")
    #expect(options.allSatisfy { ($0["secret"] as? Bool) == true || !"\($0)".contains("hunter") })
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }

  @Test func `defaults, statistics, state, alarm defaults and the cache are there`() async throws {
    let admin = try await AdministeredSystem.start()
    try await admin.system.subscribe()
    try await admin.startDispatcher()
    try admin.system.publish(0..<20)
    try await admin.system.waitUntilEmpty()
    let defaults = try admin.object("GET", "/parameters/defaults")
    #expect((defaults["settings"] as? [String: Int])?["MaxMessageProcessTime"] == 30_000 * Patience.factor)
    #expect((defaults["parameters"] as? [[String: Any]])?.count == 20)
    #expect(try admin.object("GET", "/statistics")["topics"] != nil)
    #expect((try admin.object("GET", "/state")["counters"] as? [String: Any])?["delivered"] as? Int == 20)
    let health = try admin.object("GET", "//healthz")
    #expect((health["pushes"] as? [String: Any])?["delivered"] as? Int == 20)
    let alarm = try admin.object(
      "PATCH", "/alarm-defaults", #"{"default_alarm_receiver":"ops","global_message_blocked_alert_threshold":7}"#)
    #expect(alarm["default_alarm_receiver"] as? String == "ops")
    #expect(try admin.object("GET", "/alarm-defaults")["global_message_blocked_alert_threshold"] as? Int == 7)
    #expect(try admin.send("PATCH", "/alarm-defaults", #"{"global_message_blocked_alarm_interval":0}"#).status == 422)
    #expect(
      try admin.object("POST", "/cache/clear", #"{"prefixes":["subscriptions_order"]}"#)["cleared"] as? Bool == true)
    #expect(try admin.object("POST", "/cache/clear")["cleared"] as? Bool == true)
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }

  @Test func `tubes are told with whose they are, page by page, and kicked unless somebody watches them`() async throws
  {
    let admin = try await AdministeredSystem.start()
    let id = try await admin.system.subscribe()
    try await admin.startDispatcher()
    let tubes = ["other-a", "other-b"]
    do {
      // Gone before anything is kicked: it watches the tube.
      let client = try admin.system.server.client()
      for tube in tubes { for _ in 0..<3 { _ = try client.put("x", into: tube) } }
      for _ in 0..<3 {
        let job = try #require(try client.reserve(from: tubes[0]))
        #expect(try client.bury(job.id))
      }
    }
    admin.system.receiver.hold(admin.system.path(id))
    try admin.system.publish(0..<1)
    try await eventually("it is in flight", within: .seconds(30)) {
      let queues = try admin.object("GET", "/queues?limit=500")["queues"] as? [[String: Any]] ?? []
      return queues.contains {
        $0["subscription"] as? Int == id && $0["kind"] as? String == "channel" && $0["buried"] as? Int == 1
          && ($0["watching"] as? Int ?? 0) > 0
      }
    }
    let others = try admin.object("GET", "/queues?prefix=other&limit=1")
    #expect((others["queues"] as? [[String: Any]])?.first?["buried"] as? Int == 3)
    #expect((others["queues"] as? [[String: Any]])?.first?["kind"] as? String == "other")
    #expect(others["next"] as? String == tubes[0])
    let second = try admin.object("GET", "/queues?prefix=other&after=\(tubes[0])")
    #expect((second["queues"] as? [[String: Any]])?.map { $0["tube"] as? String } == [tubes[1]])
    #expect(second["next"] is NSNull)

    let watched = try admin.send("POST", "/queues/kick", #"{"tube":"\#(SystemHarness.channel(id))"}"#)
    #expect(watched.status == 409)
    let kicked = try admin.object("POST", "/queues/kick", #"{"tube":"\#(tubes[0])","count":2}"#)
    #expect(kicked["kicked"] as? Int == 2 && kicked["complete"] as? Bool == true)
    #expect(try admin.send("POST", "/queues/kick", #"{"tube":"nothing"}"#).status == 404)
    admin.system.receiver.release(admin.system.path(id))
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }
}
