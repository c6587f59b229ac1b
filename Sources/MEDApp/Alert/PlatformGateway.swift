import MEDCore
import MEDCurl

/// The alarm platform (SPEC §15): JSON over HTTP, taken when it is answered with `AckStr`, or with a JSON object whose `code`
/// is 0. What it gets is described in Docs/alerts.md.
struct PlatformGateway: AlertGateway {
  let settings: @Sendable () -> AlertGatewaySettings
  let caller: HTTPCaller

  var isConfigured: Bool { !settings().gateway.isEmpty }

  func send(_ parcel: AlertParcel) async -> AlertOutcome {
    let settings = settings()
    let request = HTTPRequest(
      .post, url: settings.gateway, body: Self.json(parcel, settings).bytes, contentType: "application/json",
      timeout: FormGateway.timeout, concurrency: 4)
    return GatewayAnswer(await caller.send(request)).outcome(hiding: GatewaySecrets(settings, parcel)) { response in
      guard (200..<300).contains(response.status) else { return false }
      return GatewayAnswer.isAcknowledgement(response.body, settings.acknowledgement) || Self.hasCodeZero(response.body)
    }
  }

  /// Names of `PostFieldsMap` win over ours.
  static func json(_ parcel: AlertParcel, _ settings: AlertGatewaySettings) -> JSONValue {
    let alert = parcel.alert
    var members: [String: JSONValue] = [
      "channel": .string(parcel.channel), "kind": .string(alert.kind.rawValue), "time": .string("\(alert.time)"),
      "host": .string(alert.host), "topic": alert.topic.map { .string($0) } ?? .null,
      "subscription": alert.subscription.map { .integer($0) } ?? .null,
    ]
    for field in settings.fields(of: parcel, content: alert.content) { members[field.name] = .string(field.value) }
    return .object(members)
  }

  private static func hasCodeZero(_ body: [UInt8]) -> Bool {
    switch (try? JSONValue(parsing: body))?["code"] {
    case .string("0"), .integer(0): true
    case .double(let number): number == 0
    default: false
    }
  }
}
