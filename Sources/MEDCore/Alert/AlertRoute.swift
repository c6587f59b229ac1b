/// To whom an alert goes (SPEC §15): to those whom its subscription names, over the ways that there are; if that is nobody,
/// to the default receiver on the alarm platform.
struct AlertRoute: Equatable {
  struct Stop: Equatable {
    let way: AlertWay
    let recipient: String
  }

  /// What goes out.
  private(set) var stops: [Stop] = []
  /// Who is named and can't be reached, as there is no such gateway.
  private(set) var missing: [Stop] = []
  /// What the alert says of its way.
  private(set) var note: String?

  init(_ alert: Alert, over ways: Set<AlertWay>, _ settings: AlertSettings) {
    for way in AlertWay.allCases {
      let named = alert.recipients[way].map { Stop(way: way, recipient: $0) }
      if ways.contains(way) { stops += named } else { missing += named }
    }
    let receiver = settings.receiver.trimmed
    guard stops.isEmpty, !receiver.isEmpty, ways.contains(.alarmPlatform) else { return }
    stops = [Stop(way: .alarmPlatform, recipient: receiver)]
    guard alert.subscription != nil else { return }
    note =
      missing.isEmpty
      ? "The subscription names nobody who gets its alerts, so the default receiver does."
      : "There is no gateway to those whom the subscription names, so the default receiver gets this."
  }
}
