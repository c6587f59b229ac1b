extension DispatcherMetrics {
  func append(alerts text: inout PrometheusText) {
    guard let alerts = state.alerts else { return }
    text.metric("medispatcher_alerts_total", .counter, "Alerts raised, by what became of them.") {
      $0.sample(alerts.sent, [("result", "sent")])
      $0.sample(alerts.failed, [("result", "failed")])
      $0.sample(alerts.unaddressed, [("result", "unaddressed")])
      $0.sample(alerts.dropped, [("result", "dropped")])
    }
    text.metric("medispatcher_alerts_waiting", .gauge, "Alerts that not all recipients have yet.", alerts.waiting)
    text.metric(
      "medispatcher_alerts_suppressed_total", .counter, "Alerts that were one too many in their interval.",
      alerts.suppressed)
  }
}
