import Hummingbird
import HummingbirdCore
import MEDCore

/// The admin API (SPEC §8): what operators and tools ask a running dispatcher, and change in it, as JSON over HTTP.
///
/// Described by ``openAPIDocument``, which it serves. Who may do what is the server's to judge: ``AccessRules``.
public struct AdminAPI: RouteGroup {
  /// What the routes ask. Each is called from anywhere, many at once.
  public struct Sources: Sendable {
    /// Of the program.
    public var version = ""
    /// Carries commands out.
    public var control: Control
    /// Returns when the dispatcher's loop has had its turn; false: it isn't running.
    public var isTurning: @Sendable () async -> Bool
    /// The running state without lanes; nil: nothing runs.
    public var summary: @Sendable () async -> DispatcherState?
    /// The running state; nil: nothing runs.
    public var state: @Sendable () async -> DispatcherState?
    /// What a monitoring system watches; nil: nothing runs.
    public var metrics: @Sendable () async -> DispatcherMetrics?
    /// Asks queue servers.
    public var queues: any AdminQueues
    /// The configuration in force, secrets masked.
    public var configuration: @Sendable () -> JSONValue

    /// - Parameters:
    ///   - control: carries commands out.
    ///   - dispatcher: whose state is told.
    ///   - queues: asks queue servers.
    ///   - configuration: gives the configuration in force, secrets masked.
    public init(
      control: Control, dispatcher: Dispatcher, queues: any AdminQueues,
      configuration: @escaping @Sendable () -> JSONValue = { [:] }
    ) {
      self.control = control
      isTurning = { await dispatcher.isTurning() }
      summary = { await dispatcher.summary() }
      state = { await dispatcher.state() }
      metrics = { await dispatcher.metrics() }
      self.queues = queues
      self.configuration = configuration
    }
  }

  /// Where everything but the probes and the document is.
  public static let base = "/api/v1"

  /// The OpenAPI 3.1 document, JSON.
  public static var openAPIDocument: [UInt8] { PackageResources.openapi_json }

  /// For a command, as long as a locked store is waited for and a bit more.
  static let commandLimit = Duration.seconds(8)
  /// For a look at the queue servers.
  static let queueLimit = Duration.seconds(10)
  /// For a kick, which tells how far it came.
  static let kickLimit = Duration.seconds(20)
  /// For a test alert, whose gateways have five seconds each, or ten for a mail program.
  static let alertLimit = Duration.seconds(25)

  let sources: Sources
  let limit = TimeLimit()
  private let stateSource: StateSource
  private let metricsSource: MetricsSource

  /// The API of what `sources` tell.
  public init(_ sources: Sources) {
    self.sources = sources
    stateSource = StateSource(sources.state)
    metricsSource = MetricsSource(sources.metrics)
  }

  public func addRoutes(to router: Router<AdminContext>) {
    for route in routes { route.add(to: router) }
  }

  var control: Control { sources.control }

  /// All of them, in the order of the document.
  var routes: [APIRoute] {
    healthRoutes + subscriptionRoutes + parameterRoutes + queueRoutes + failureRoutes + alertRoutes + commandRoutes
  }

  /// Commands and looks that are no more than that.
  private var commandRoutes: [APIRoute] {
    [
      APIRoute(.post, "\(Self.base)/cache/clear") { call in
        let body = try await call.object(knows: ["prefixes"], isOptional: true)
        let prefixes = try body.strings("prefixes") ?? []
        _ = try await perform("ClearDataCache", ["prefixes": .array(prefixes.map { .string($0) })])
        return Response(["cleared": true])
      },
      APIRoute(.get, "\(Self.base)/alarm-defaults") { _ in Response(try control.defaultAlarm().commandJSON) },
      APIRoute(.patch, "\(Self.base)/alarm-defaults") { call in
        let texts: Set<String> = ["default_alarm_receiver", "default_alarm_chan"]
        let numbers: Set<String> = [
          "global_message_blocked_alert_threshold", "global_message_blocked_alarm_interval",
          "name_of_main_queue_blocked_alert_threshold",
        ]
        let body = try await call.object(knows: texts.union(numbers))
        // Stricter than the command, which takes either for the other.
        for name in texts { _ = try body.string(name) }
        for name in numbers { _ = try body.integer(name, in: 0...1_000_000_000) }
        _ = try await perform("SetDefaultAlarm", .object(body))
        return Response(try control.defaultAlarm().commandJSON)
      },
      APIRoute(.get, "\(Self.base)/statistics") { _ in
        Response(["topics": try await perform("GetPushStatistics", [:])])
      },
      APIRoute(.get, "\(Self.base)/state") { [stateSource] _ in
        let json = try await limit.answer(within: Self.commandLimit) { await stateSource.json(isPretty: false) }
        guard let json else { throw AdminError(.unavailable, "the dispatcher isn't running") }
        return Response(json: json)
      },
      APIRoute(.get, "/metrics") { [metricsSource] _ in Response(metrics: try await metricsSource.text()) },
      APIRoute(.get, "\(Self.base)/config") { _ in Response(sources.configuration()) },
      APIRoute(.get, "/openapi.json") { _ in Response(json: Self.openAPIDocument) },
    ]
  }

  /// A command of ``ControlCommand``, within its time.
  func perform(_ name: String, _ arguments: JSONValue) async throws -> JSONValue {
    try await limit.answer(within: Self.commandLimit) { [control] in try await control.perform(name, arguments) }
  }
}
