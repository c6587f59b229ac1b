import Foundation
import MEDTestSupport
import Testing

@Suite("§14 medctl with a running dispatcher", .showsServerOutput)
struct AdminCommandTests {
  @Test func `parameters, queues, failures, alarms, cache and health by command`() async throws {
    let admin = try await AdministeredSystem.start(
      settings: ["MaxSendersPerChannel": "50", "MaxRetryTimesOfSendingMessage": "0"])
    let system = admin.system
    let id = try await system.subscribe { _ in .refuse(.status(500)) }
    try await admin.startDispatcher()

    let set = try await admin.medctl("params", "set", "\(id)", "Concurrency=50", "--json")
    #expect(set.status == .code(0), "\(set.errors)")
    #expect((try set.json["parameters"] as? [String: Any])?["Concurrency"] as? Int == 50)
    let get = try await admin.medctl("params", "get", "\(id)")
    #expect(get.output.contains("Concurrency=50\n"))
    #expect(try await admin.medctl("params", "set", "\(id)", "Concurrency=51").status == .code(1))
    #expect(try await admin.medctl("params", "set", "\(id)", "Concurrency").status == .code(64))
    #expect(try await admin.medctl("params", "defaults").output.contains("AckMode"))

    try system.publish(0..<1)
    try await system.waitUntilEmpty()
    _ = try await system.waitForClosedRows(1)
    let failures = try await admin.medctl("failures", "list", "--state", "given_up", "--json")
    #expect(failures.status == .code(0), "\(failures.errors)")
    let row = try #require(try failures.json["id"] as? Int)
    #expect(try await admin.medctl("failures", "list").output.contains("given_up"))
    #expect(try await admin.medctl("failures", "show", "\(row)").output.contains("message: {"))
    let retry = try await admin.medctl("failures", "retry", "\(row)", "999999")
    #expect(retry.status == .code(1) && retry.output == "failure \(row) is tried again\n", "\(retry.errors)")
    #expect(retry.errors.contains("there is no failure 999999"))

    let queues = try await admin.medctl("queues", "list")
    #expect(queues.status == .code(0) && queues.output.contains(SystemHarness.mainQueue), "\(queues.errors)")
    #expect(try await admin.medctl("queues", "kick", "nothing").status == .code(1))
    let alarms = try await admin.medctl("alarms", "set", "default_alarm_receiver=ops")
    #expect(alarms.output.contains("default_alarm_receiver: ops"), "\(alarms.errors)")
    #expect(try await admin.medctl("alarms", "get", "--json").output.contains("ops"))
    #expect(try await admin.medctl("cache", "clear").output == "looked up afresh\n")
    let health = try await admin.medctl("health")
    #expect(health.status == .code(0) && health.output.hasPrefix("ok, version "), "\(health.errors)")
    try await system.server.crash()
    try await eventually("it isn't well", within: .seconds(60)) { try await admin.medctl("health").status == .code(1) }
    #expect(try await admin.medctl("health", "--live").output == "it is alive\n")
    #expect(try await system.stopDispatcher() == .code(0))
    let gone = try await admin.medctl("health")
    #expect(gone.status == .code(1) && gone.errors.contains("no dispatcher listens at"))
  }

  @Test func `subscriptions go through a dispatcher that runs, and into the store otherwise, with a note`() async throws
  {
    let admin = try await AdministeredSystem.start()
    try admin.system.configure(["Store.RefreshInterval": "3600"])
    try await admin.startDispatcher()
    let url = admin.system.receiver.url("/here")
    let added = try await admin.medctl("subscriptions", "add", "fresh", url, "Concurrency=7", "--json")
    #expect(added.status == .code(0), "\(added.errors)")
    let id = try #require(try added.json["id"] as? Int)
    // Nothing else would tell the dispatcher for an hour.
    let live = try admin.object("GET", "/subscriptions/\(id)/parameters")
    #expect((live["parameters"] as? [String: Any])?["Concurrency"] as? Int == 7)
    let set = try await admin.medctl("subscriptions", "set", "\(id)", "Concurrency=8")
    #expect(set.output == "subscription \(id): Concurrency=8\n" && set.errors.isEmpty)
    let throughDispatcher = try await admin.medctl("subscriptions", "list", "--json")
    let cancelled = try await admin.medctl("subscriptions", "cancel", "\(id)")
    #expect(cancelled.output == "subscription \(id) cancelled\n")
    #expect(try await admin.system.stopDispatcher() == .code(0))

    let again = try await admin.medctl("subscriptions", "cancel", "\(id)")
    #expect(again.status == .code(0) && again.output == "subscription \(id) was cancelled before\n")
    #expect(again.errors.contains("no dispatcher listens at") && again.errors.contains("the store itself"))
    let inStore = try await admin.medctl("subscriptions", "list", "--json")
    #expect(inStore.output == throughDispatcher.output.replacing(#""status":0"#, with: #""status":1"#))
    let named = try await admin.medctl("subscriptions", "list", "--admin", "http://127.0.0.1:\(admin.port)")
    #expect(named.status == .code(1))
  }

  @Test func `a token comes from a file or the config file, and a wrong one is refused without a way around`()
    async throws
  {
    let admin = try await AdministeredSystem.start()
    let id = try await admin.system.subscribe()
    try await admin.startDispatcher()
    let file = admin.system.directory.file("token")
    try admin.system.directory.write("\(AdministeredSystem.token)\n", to: "token")
    let url = "http://127.0.0.1:\(admin.port)"
    let binary = try BuiltBinary.path("medctl")
    let right = try await ServerProcess.run(
      binary, ["params", "set", "\(id)", "Concurrency=3", "--admin", url, "--token-file", file])
    #expect(right.status == .code(0), "\(right.errors)")
    let none = try await ServerProcess.run(binary, ["params", "set", "\(id)", "Concurrency=4", "--admin", url])
    #expect(none.status == .code(1) && none.errors.contains("token"), "\(none.errors)")
    try admin.system.directory.write("wrong\n", to: "token")
    let wrong = try await admin.medctl("subscriptions", "cancel", "\(id)", "--token-file", file)
    #expect(wrong.status == .code(1) && wrong.errors.contains("the token is wrong"), "\(wrong.errors)")
    #expect(try admin.object("GET", "/subscriptions/\(id)")["status"] as? String == "live")
    #expect(try await admin.system.stopDispatcher() == .code(0))
  }
}
