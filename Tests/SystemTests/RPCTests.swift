import Foundation
import Glibc
import MEDTestSupport
import Testing

@Suite("§8 RPC of a dispatcher", .showsServerOutput)
struct RPCTests {
  @Test func `a client written from the protocol's text is served, byte for byte`() async throws {
    let controlled = try await ControlledSystem.start(settings: ["MaxSendersPerChannel": "50"])
    let id = try await controlled.system.subscribe(parameters: ["Concurrency": "3"])
    try await controlled.startDispatcher()
    let requests = [
      #"{"cmd":"GetDefaultSubscriptionSettings","args":{}}"#,
      #"{"cmd":"SetSubscriptionParams","args":{"SubscriptionId":"\#(id)","Params":{"Concurrency":"40","AlerterEnabled":0}}}"#,
      #"{"cmd":"GetSubscriptionParams","args":{"SubscriptionId":\#(id)}}"#,
      #"{"cmd":"SetSubscriptionParams","args":{"SubscriptionId":\#(id),"Params":{"Concurrency":51}}}"#,
      #"{"cmd":"NoSuchCommand","args":{}}"#, #"{"cmd":"ClearDataCache"}"#,
      #"{"cmd":"SetDefaultAlarm","args":{"default_alarm_receiver":"ops"}}"#,
      #"{"cmd":"CleanTopic","args":{"servers":["nowhere:1"],"topic":"t"}}"#, #"{"cmd":"GetPushStatistics","args":[]}"#,
    ]
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Clients/control_panel.py").path
    let run = try await ServerProcess.run(
      "python3", [script, "127.0.0.1", "\(controlled.port)"], input: requests.joined(separator: "\n"),
      within: .seconds(60))
    #expect(run.status == .code(0), "\(run.errors)")
    let lines = try run.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    try #require(lines.count == requests.count + 1)
    #expect(
      lines.map { $0["status"] as? String } == ["ok", "ok", "ok", "failed", "failed", "ok", "ok", "failed", "ok", nil])
    #expect(lines.last?["last"] as? String == "CLOSE")
    // "4" and "true": the length counts the JSON alone.
    #expect(lines[1]["head"] as? String == "34000000000000006f6b000000000000")
    let defaults = try #require(lines[0]["answer"] as? [String: Int])
    #expect(
      defaults["MaxSendersPerChannel"] == 50 && defaults["MaxMessageProcessTime"] == 30_000 * Patience.factor
        && defaults.count == 7)
    let parameters = try #require(lines[2]["answer"] as? [String: Any])
    #expect(parameters["Concurrency"] as? Int == 40 && parameters["AlerterEnabled"] as? Bool == false)
    #expect(parameters["ProcessTimeout"] as? Int == 30_000 * Patience.factor && parameters["SigningSecret"] == nil)
    #expect(lines[3]["answer"] as? String == #"Concurrency: expected 1 ... 50, got "51""#)
    #expect((lines[4]["answer"] as? String)?.hasPrefix(#"unknown command "NoSuchCommand""#) == true)
    #expect((lines[7]["answer"] as? String)?.contains("is none of QueueServerAddr") == true)
    #expect(try await controlled.system.stopDispatcher() == .code(0))
  }

  @Test func `a thousand idle clients don't delay a stop`() async throws {
    let controlled = try await ControlledSystem.start()
    try await controlled.startDispatcher()
    let clients = try (0..<1_000).map { _ in try PlainRPC(port: controlled.port) }
    for client in clients { #expect(try client.call("GetPushStatistics") == .init("ok", "{}")) }
    let began = ContinuousClock.now
    #expect(try await controlled.system.stopDispatcher() == .code(0))
    print("stop with 1,000 idle clients: \(ContinuousClock.now - began)")
    // On a machine that is too busy for half a second the rest is hung up on without a word.
    let words = try clients.map { try $0.readToEnd() }
    #expect(words.allSatisfy { $0 == "CLOSE" || $0.isEmpty } && words.contains("CLOSE"))
  }

  @Test func `the default alarm survives a restart`() async throws {
    let controlled = try await ControlledSystem.start()
    try await controlled.startDispatcher()
    #expect(
      try controlled.call("SetDefaultAlarm", #"{"default_alarm_receiver":"ops","default_alarm_chan":"sms"}"#)
        == .init("ok", "null"))
    #expect(try await controlled.system.stopDispatcher() == .code(0))
    try await controlled.startDispatcher()
    #expect(try controlled.call("SetDefaultAlarm", #"{"default_alarm_chan":"mail"}"#).status == "ok")
    #expect(
      controlled.system.directory.read("data/default_alarm.json")
        == #"{"DefaultAlarmChan":"mail","DefaultAlarmReceiver":"ops"}"# + "\n")
    #expect(try await controlled.system.stopDispatcher() == .code(0))
  }

  @Test func `a cleared cache finds a new subscription at once`() async throws {
    let controlled = try await ControlledSystem.start(tables: "")
    try controlled.system.configure(["Store.RefreshInterval": "3600"])
    try await controlled.startDispatcher()
    // Its absence is known then.
    try controlled.system.publish(0..<1, topic: "fresh")
    try await controlled.system.waitUntilEmpty()
    let id = try await controlled.system.subscribe("fresh")
    #expect(try controlled.call("ClearDataCache", #"{"keys":["subscriptions_fresh"]}"#) == .init("ok", "true"))
    try controlled.system.publish(1..<2, topic: "fresh")
    try await controlled.system.receiver.waitFor(count: 1, on: controlled.system.path(id), within: .seconds(20))
    #expect(try await controlled.system.stopDispatcher() == .code(0))
  }

  @Test func `while the store is gone nothing is changed, and it is told`() async throws {
    let controlled = try await ControlledSystem.start()
    let id = try await controlled.system.subscribe(parameters: ["Concurrency": "3"])
    try await controlled.startDispatcher()
    // The subscription is known by now, and the store was open.
    #expect(try controlled.set(#"{"Concurrency":3}"#, of: id) == .init("ok", "true"))
    let store = controlled.system.directory.file("data/medispatcher.sqlite")
    try FileManager.default.moveItem(atPath: store, toPath: store + ".away")
    let answer = try controlled.set(#"{"Concurrency":5}"#, of: id)
    #expect(answer.status == "failed" && answer.body.contains("nothing was changed"))
    #expect(try controlled.parameters(of: id)["Concurrency"] as? Int == 3)
    try FileManager.default.moveItem(atPath: store + ".away", toPath: store)
    try await eventually("the store answers again") { try controlled.set(#"{"Concurrency":5}"#, of: id).status == "ok" }
    #expect(try controlled.parameters(of: id)["Concurrency"] as? Int == 5)
    #expect(try await controlled.system.stopDispatcher() == .code(0))
  }

  @Test func `an address in use is named, and nothing is taken from a queue`() async throws {
    let controlled = try await ControlledSystem.start()
    try await controlled.startDispatcher()
    let second = try await ControlledSystem.start()
    try second.system.configure(["ListenAddr": "\"127.0.0.1:\(controlled.port)\""])
    try second.system.publish(0..<1)
    let run = try await ServerProcess.run(BuiltBinary.path("medispatcher"), ["-f", second.system.config])
    #expect(run.status == .code(1))
    #expect(run.errors.contains("ListenAddr: can't listen on 127.0.0.1:\(controlled.port)"))
    #expect(try second.system.server.jobs().ready == 1)
  }

  @Test func `the running state counts what clients do`() async throws {
    let debug = try FreePort.next()
    let controlled = try await ControlledSystem.start(settings: ["DebugAddr": "\"127.0.0.1:\(debug)\""])
    try await controlled.startDispatcher()
    let client = try PlainRPC(port: controlled.port)
    #expect(try client.call("Nonsense").status == "failed")
    let response = try PlainHTTP.send(port: debug, path: "/debug", timeout: .seconds(20))
    let state = try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
    let rpc = try #require(state["rpc"] as? [String: Int])
    #expect(rpc["failed"] == 1 && (rpc["requests"] ?? 0) >= 2 && (rpc["connections"] ?? 0) >= 1 && rpc["refused"] == 0)
    #expect(try await controlled.system.stopDispatcher() == .code(0))
  }
}
