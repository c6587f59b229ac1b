import Glibc

/// Shows how the messages arrive: redrawn in place on a terminal, a line each second elsewhere, a table at the end.
final class DemoView {
  private let receiver: DemoReceiver
  private let scene: DemoScene
  private let messages: Int
  private let start: ContinuousClock.Instant
  private let isTerminal = isatty(STDOUT_FILENO) == 1
  private var drawnLines = 0
  private var end: ContinuousClock.Instant?
  /// When 99 % had arrived: the rest may be waiting for a retry, which says nothing of the pace.
  private var nearlyEnd: ContinuousClock.Instant?

  let expected: Int

  /// Microseconds between two looks.
  let pause: UInt32 = 100_000
  private var nextLine: ContinuousClock.Instant

  init(_ receiver: DemoReceiver, _ scene: DemoScene, messages: Int, start: ContinuousClock.Instant) {
    self.receiver = receiver
    self.scene = scene
    self.messages = messages
    self.start = start
    nextLine = start
    expected = scene.routes.reduce(0) { $0 + scene.expected($1, of: messages) }
  }

  /// - Returns: how many have arrived.
  func show() -> Int {
    let counters = receiver.snapshot()
    let delivered = counters.values.reduce(0) { $0 + $1.delivered }
    let now = ContinuousClock.now
    if delivered >= expected { end = end ?? now }
    if delivered >= expected * 99 / 100 { nearlyEnd = nearlyEnd ?? now }
    if isTerminal {
      redraw(counters)
    } else if now >= nextLine {
      nextLine = now + .seconds(1)
      let parts = scene.routes.map { route in
        let own = counters[route.path] ?? ReceiverCounters()
        return "\(route.path) \(own.delivered)" + (own.retried > 0 ? " (\(own.retried) retried)" : "")
      }
      printLine("arrived \(delivered) of \(expected): \(parts.joined(separator: ", "))")
    }
    return delivered
  }

  /// - Parameter givenUp: for each route of the scene.
  func finish(givenUp: [Int]) {
    let counters = receiver.snapshot()
    if isTerminal { redraw(counters) }
    var table = TextTable([
      "subscription", "published", "delivered", "failures", "retries", "given up", "twice", "p50", "p99",
    ])
    var total = ReceiverCounters()
    for (route, lost) in zip(scene.routes, givenUp) {
      let own = counters[route.path] ?? ReceiverCounters()
      total.delivered += own.delivered
      total.failed += own.failed
      total.retried += own.retried
      total.duplicates += own.duplicates
      total.latency.merge(own.latency)
      table.add(row("\(route.topic) → \(route.path)", scene.expected(route, of: messages), own, givenUp: lost))
    }
    let allGivenUp = givenUp.reduce(0, +)
    table.add(row("total", expected, total, givenUp: allGivenUp))
    printLine("")
    for line in table.lines { printLine(line) }
    printLine(
      "\n\(messages) messages published, \(total.delivered) of \(expected) deliveries made, \(pace(total.delivered)).")
    printLine(
      """
      Every \(DemoScene.failing.every)th push to \(DemoScene.failing.path) failed on purpose; it came again 1 s later, \
      then after 4 s, 9 s …
      p50 and p99 count from publishing to arrival, all waiting and retrying included.
      """)
  }

  private func pace(_ delivered: Int) -> String {
    let whole = Self.seconds((end ?? .now) - start)
    guard let nearlyEnd else { return "in \(Self.tenths(whole)) s: \(Self.rate(delivered, whole))" }
    let most = Self.seconds(nearlyEnd - start)
    return "99 % in \(Self.tenths(most)) s: \(Self.rate(expected * 99 / 100, most)), all in \(Self.tenths(whole)) s"
  }

  private static func rate(_ count: Int, _ seconds: Double) -> String {
    "\(seconds > 0 ? Int(Double(count) / seconds) : 0) deliveries/s"
  }

  private func row(_ name: String, _ published: Int, _ counters: ReceiverCounters, givenUp: Int) -> [String] {
    [
      name, "\(published)", "\(counters.delivered)", "\(counters.failed)", "\(counters.retried)",
      "\(givenUp)", "\(counters.duplicates)", Self.text(counters.latency.quantile(0.5)),
      Self.text(counters.latency.quantile(0.99)),
    ]
  }

  private func redraw(_ counters: [String: ReceiverCounters]) {
    var text = drawnLines > 0 ? "\u{1b}[\(drawnLines)A" : ""
    for route in scene.routes {
      let own = counters[route.path] ?? ReceiverCounters()
      let total = scene.expected(route, of: messages)
      let filled = total > 0 ? min(30, own.delivered * 30 / total) : 30
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
      let name = route.path + String(repeating: " ", count: max(0, 10 - route.path.count))
      text += "\u{1b}[K\(name) \(bar) \(own.delivered)/\(total), \(own.failed) failed, \(own.retried) retried\n"
    }
    drawnLines = scene.routes.count
    try? writeAll(text.utf8, to: STDOUT_FILENO)
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }

  private static func tenths(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func text(_ duration: Duration?) -> String {
    guard let duration else { return "-" }
    let milliseconds = seconds(duration) * 1000
    return milliseconds < 1000 ? "\(tenths(milliseconds)) ms" : "\(tenths(milliseconds / 1000)) s"
  }
}
