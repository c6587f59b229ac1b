import Glibc
import MEDCore

/// `medctl stats`: what is in the queues, and what a dispatcher makes of it.
public struct StatsRun: Sendable {
  public struct Options: Sendable {
    public var isJSON = false
    /// Look again and again, with this pause between; nil: once.
    public var interval: Duration?
    /// Rows of each table at most; nil: as many as the terminal has room for, or 40.
    public var rows: Int?

    public init() {}
  }

  private static let defaultRows = 40

  private let settings: Settings
  private let options: Options

  public init(_ settings: Settings, _ options: Options) {
    self.settings = settings
    self.options = options
  }

  /// - Returns: whether everything could be found out, at the last look.
  /// - Throws: ``Terminal/ReaderHasGone``, or what keeps the output from being written.
  public func run() throws -> Bool {
    try runBlocking { try await watch() }
  }

  private func watch() async throws -> Bool {
    let survey = QueueSurvey(
      settings.queueServers,
      progress: options.interval == nil ? ProgressBar("reading tubes") : ProgressBar("", isShown: false))
    var store: (any SubscriptionEditor)?
    var isFirst = true
    while true {
      let begun = ContinuousClock.now
      let report = await look(survey, &store)
      let took = ContinuousClock.now - begun
      try show(report, isFirst: isFirst)
      guard let interval = options.interval else {
        await survey.close()
        return report.isComplete
      }
      isFirst = false
      // With thousands of tubes a look costs the queue servers seconds: they are given as long to rest.
      try await Task.sleep(for: max(interval, took))
    }
  }

  private func look(_ survey: QueueSurvey, _ store: inout (any SubscriptionEditor)?) async -> StatsReport {
    let (subscriptions, storeFailure) = await readSubscriptions(&store)
    let roles = TubeRoles(
      mainQueue: settings.mainQueue, channelPrefix: settings.channelPrefix, subscriptions: subscriptions)
    async let servers = survey.look(roles)
    async let dispatcher = askDispatcher()
    return StatsReport(
      servers: await servers, storeFailure: storeFailure, dispatcher: await dispatcher, time: .now())
  }

  /// A store that isn't there yet has no subscriptions; it isn't made by looking.
  private func readSubscriptions(
    _ store: inout (any SubscriptionEditor)?
  ) async -> ([ListedSubscription], String?) {
    do {
      if store == nil { store = try await StoreAccess.openIfThere(settings) }
      return (try await store?.listSubscriptions() ?? [], nil)
    } catch {
      return ([], "\(error)")
    }
  }

  private func askDispatcher() async -> StatsReport.DispatcherPart {
    guard let address = settings.debugAddress else { return .off }
    let client = DebugClient(address)
    do {
      return .answered(address: client.address.description, try await client.state())
    } catch {
      return .silent(address: client.address.description, reason: "\(error)")
    }
  }

  private func show(_ report: StatsReport, isFirst: Bool) throws {
    if options.isJSON { return try Terminal.show(report.json + "\n") }
    guard options.interval != nil else {
      return try Terminal.show(report.lines(rows: options.rows ?? Self.defaultRows).joined(separator: "\n") + "\n")
    }
    guard let size = Terminal.size else {
      let lines = report.lines(rows: options.rows ?? Self.defaultRows)
      return try Terminal.show((isFirst ? "" : "\n") + report.timeText + "\n" + lines.joined(separator: "\n") + "\n")
    }
    // Both tables get half of what the other lines leave.
    let fitting = max(3, (size.rows - settings.queueServers.count - 12) / 2)
    let lines = [report.timeText + "  Ctrl-C ends"]
    try Terminal.redraw(lines + report.lines(rows: options.rows ?? fitting), on: size)
  }
}
