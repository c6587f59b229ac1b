import Foundation
import MEDTestSupport

/// A dispatcher with alert gateways that the test answers for: `/email`, `/sms` and `/platform`, which take everything
/// unless told otherwise.
struct AlertPlace {
  let system: SystemHarness
  let gateways: TestReceiver
  let rpcPort: UInt16
  let debugPort: UInt16

  /// - Parameters:
  ///   - settings: as ``SystemHarness`` has them.
  ///   - configured: which gateways the config file has.
  ///   - email: the gateway for mails, if it is another one.
  static func start(
    settings: [String: String] = [:], configured: Set<String> = ["email", "sms", "platform"], email: String? = nil
  ) async throws -> AlertPlace {
    let gateways = try TestReceiver()
    gateways.onAnyOther { _ in .bytes(Array("OK".utf8)) }
    let tables = [("AlerterEmail", "email"), ("AlerterSms", "sms"), ("AlarmPlatform", "platform")]
      .filter { configured.contains($0.1) }
      .map { section, path in
        """
        [\(section)]
        Gateway = "\(path == "email" ? email ?? gateways.url("/email") : gateways.url("/\(path)"))"
        AckStr = "OK"
        User = "me"
        Password = "s3cret-at-the-gateway"
        From = "medispatcher@x.example"

        """
      }
    let (rpcPort, debugPort) = (try FreePort.next(), try FreePort.next())
    var all = ["ListenAddr": "\"127.0.0.1:\(rpcPort)\"", "DebugAddr": "\"127.0.0.1:\(debugPort)\""]
    all.merge(settings) { $1 }
    return AlertPlace(
      system: try await SystemHarness.start(settings: all, tables: tables.joined()), gateways: gateways,
      rpcPort: rpcPort, debugPort: debugPort)
  }

  /// Thresholds that nothing reaches, and who gets alerts on each way.
  static func parameters(_ more: [String: String] = [:]) -> [String: String] {
    [
      "SubscriptionTotalFailureAlertThreshold": "1000000", "MessageFailureAlertThreshold": "1000000",
      "MessageBlockedAlertThreshold": "1000000", "AlerterEmails": "a@x.example,b@x.example",
      "AlerterPhoneNumbers": "13800000000", "AlerterReceiver": "owners", "Concurrency": "1",
    ].merging(more) { $1 }
  }

  static let nobody = ["AlerterEmails": "", "AlerterPhoneNumbers": "", "AlerterReceiver": ""]

  /// What the platform got.
  var platform: [[String: Any]] {
    gateways.requests("/platform").compactMap {
      (try? JSONSerialization.jsonObject(with: Data($0.body))) as? [String: Any]
    }
  }

  func kinds() -> [String] { platform.compactMap { $0["kind"] as? String } }

  func call(_ command: String, _ arguments: String) throws -> String {
    try PlainRPC(port: rpcPort).call(command, arguments).status
  }

  /// `alerts` of DebugAddr.
  func state() throws -> [String: Any] {
    let response = try PlainHTTP.send("GET", port: debugPort, path: "/debug", timeout: .seconds(60))
    let object = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
    return object?["alerts"] as? [String: Any] ?? [:]
  }

  func count(_ name: String) throws -> Int { try state()[name] as? Int ?? -1 }

  /// All log files of the process together.
  var logs: String { ["info", "warn", "error", "debug"].map { system.log($0) }.joined() }

  func stop() async throws -> ExitStatus { try await system.stopDispatcher() }
}
