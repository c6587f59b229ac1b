import Hummingbird
import MEDCore

/// Alerts: looked at, and tried.
extension AdminAPI {
  var alertRoutes: [APIRoute] {
    [
      APIRoute(.get, "\(Self.base)/alerts", query: ["limit"]) { call in
        let limit = try call.integer("limit", in: 1...Alerts.recentBound) ?? Alerts.recentBound
        let (alerts, state) = try await answer { (try $0.alerts(limit: limit), try await $0.alertsState()) }
        return Response(["alerts": .array(alerts.map(\.json)), "counters": Self.json(state)])
      },
      APIRoute(.post, "\(Self.base)/subscriptions/{id}/alert-test") { call in
        let id = try call.id()
        _ = try await call.object(knows: [], isOptional: true)
        let (subject, record) = try await self.limit.answer(within: Self.alertLimit) { [control] in
          try await control.testAlert(of: id)
        }
        return Response(record.testJSON(subject))
      },
    ]
  }

  private static func json(_ state: AlertsState) -> JSONValue {
    [
      "waiting": .integer(state.waiting), "raised": .integer(Int(clamping: state.raised)),
      "sent": .integer(Int(clamping: state.sent)), "failed": .integer(Int(clamping: state.failed)),
      "unaddressed": .integer(Int(clamping: state.unaddressed)), "dropped": .integer(Int(clamping: state.dropped)),
      "suppressed": .integer(Int(clamping: state.suppressed)),
    ]
  }
}
