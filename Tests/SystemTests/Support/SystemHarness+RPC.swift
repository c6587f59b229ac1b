import Foundation
import MEDTestSupport

/// A dispatcher that listens to the control panel.
struct ControlledSystem {
  let system: SystemHarness
  let port: UInt16

  static func start(settings: [String: String] = [:], tables: String = "") async throws -> ControlledSystem {
    let port = try FreePort.next()
    var settings = settings
    settings["ListenAddr"] = "\"127.0.0.1:\(port)\""
    return ControlledSystem(system: try await SystemHarness.start(settings: settings, tables: tables), port: port)
  }

  /// Starts the dispatcher and waits until it answers.
  func startDispatcher() async throws {
    try await system.startDispatcher()
    try await eventually("it answers") { try call("GetPushStatistics").status == "ok" }
  }

  /// One request over a connection of its own.
  func call(_ command: String, _ arguments: String = "{}") throws -> PlainRPC.Answer {
    try PlainRPC(port: port).call(command, arguments)
  }

  /// Sets parameters, JSON as text.
  func set(_ parameters: String, of id: Int) throws -> PlainRPC.Answer {
    try call("SetSubscriptionParams", #"{"SubscriptionId":\#(id),"Params":\#(parameters)}"#)
  }

  func parameters(of id: Int) throws -> [String: Any] {
    try call("GetSubscriptionParams", #"{"SubscriptionId":\#(id)}"#).object
  }

  /// The JSON snapshot of a subscription's parameters.
  func snapshot(of id: Int) -> [String: Any] {
    let text = system.directory.read("data/subscription_params_\(id).json")
    return (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
  }
}
