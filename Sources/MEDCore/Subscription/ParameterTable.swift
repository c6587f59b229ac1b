/// All parameters with their kinds, defaults and bounds: the one place that code, tools and documents take them from.
public struct ParameterTable: Sendable {
  /// In the order of ``ParameterName``.
  public let definitions: [ParameterDefinition]
  /// What a subscription without any row has.
  public let defaultParameters: SubscriptionParameters

  /// The table with these defaults and bounds.
  public init(_ defaults: SubscriptionDefaults = .init()) {
    let definitions = ParameterName.allCases.map { Self.definition($0, defaults) }
    var parameters = SubscriptionParameters()
    for definition in definitions { parameters[definition.name] = definition.defaultValue }
    self.definitions = definitions
    defaultParameters = parameters
  }

  /// The row of that parameter.
  public subscript(name: ParameterName) -> ParameterDefinition {
    definitions[ParameterName.allCases.firstIndex(of: name) ?? 0]
  }

  /// Judges what a set command gives.
  /// - Returns: the value, read.
  /// - Throws: what was found and what is allowed; nothing follows from the text then.
  public func validate(_ name: String, _ text: String) throws(ParameterError) -> ParameterValue {
    let definition = self[try checkName(name)]
    switch definition.read(text) {
    case .value(let value):
      return value
    case .tooSmall, .tooLarge:
      throw definition.error(.outOfBounds, text)
    case .wrong:
      throw definition.error(.wrongKind, text)
    }
  }

  /// - Throws: with the name that was meant, if it differs in case alone.
  @discardableResult
  func checkName(_ name: String) throws(ParameterError) -> ParameterName {
    if let known = ParameterName(rawValue: name) { return known }
    let nearest = ParameterName.allCases.first { $0.rawValue.lowercased() == name.lowercased() }
    throw ParameterError(code: .unknownName, name: name, found: "", allowed: nearest?.rawValue ?? "")
  }

  /// Reads a subscription's rows. A row that isn't allowed stops nothing: above its bound it counts as the bound,
  /// otherwise as absent, and is returned among the warnings. An empty value counts as absent. Names that aren't known
  /// are ignored.
  public func read(_ rows: [String: String]) -> (parameters: SubscriptionParameters, warnings: [ParameterError]) {
    var parameters = defaultParameters
    var warnings: [ParameterError] = []
    for (name, text) in rows {
      guard let known = ParameterName(rawValue: name), !text.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) else {
        continue
      }
      let definition = self[known]
      switch definition.read(text) {
      case .value(let value):
        parameters[known] = value
      case .tooLarge(let bound):
        parameters[known] = .integer(bound)
        warnings.append(definition.error(.outOfBounds, text))
      case .tooSmall:
        warnings.append(definition.error(.outOfBounds, text))
      case .wrong:
        if case .targets = definition.kind {
          // Lines that can't be used are passed over one by one (SPEC §5), and reported there.
          parameters[known] = .text(text)
        } else {
          warnings.append(definition.error(.wrongKind, text))
        }
      }
    }
    return (parameters, warnings.sorted { $0.name < $1.name })
  }

  private static func definition(_ name: ParameterName, _ defaults: SubscriptionDefaults) -> ParameterDefinition {
    let (kind, value, unit, summary) = row(name, defaults)
    return ParameterDefinition(
      name: name, kind: kind, defaultValue: value, unit: unit, summary: summary)
  }

  private typealias Row = (ParameterDefinition.Kind, ParameterValue, ParameterDefinition.Unit?, String)

  private static func row(_ name: ParameterName, _ defaults: SubscriptionDefaults) -> Row {
    switch name {
    case .concurrency:
      integer(1, defaults.maxSendersPerChannel, defaults.sendersPerChannel, nil, "pushes in flight at most")
    case .concurrencyOfRetry:
      integer(
        1, defaults.maxSendersPerRetryChannel, defaults.sendersPerRetryChannel, nil,
        "repeated pushes in flight at most")
    case .intervalOfSending:
      integer(
        0, hour, defaults.intervalOfSendingMilliseconds, .milliseconds, "least time between the starts of two pushes")
    case .processTimeout:
      integer(
        1, defaults.maxProcessTimeoutMilliseconds, defaults.processTimeoutMilliseconds, .milliseconds,
        "time for the whole exchange")
    case .receptionUri: (.targets(maximumBytes: 65_535), .text(""), nil, "URLs, instead of reception_channel")
    case .receiveBenchMsgs: (.boolean, .boolean(false), nil, "gets messages of stress-test instances")
    case .alerterEnabled: (.boolean, .boolean(true), nil, "raises alerts")
    case .alerterEmails: (text, .text(""), nil, "alert recipients, comma-separated")
    case .alerterPhoneNumbers: (text, .text(""), nil, "alert recipients, comma-separated")
    case .alerterReceiver: (text, .text(""), nil, "recipient on the alarm platform")
    case .alarmInterval: integer(1, month, 180, .seconds, "least time between two alerts of one kind")
    case .intervalOfErrorMonitorAlert: integer(1, day, 180, .seconds, "window in which failures are counted")
    case .messageFailureAlertThreshold: integer(0, billion, 7, nil, "retries of one message that raise an alert")
    case .subscriptionTotalFailureAlertThreshold:
      integer(0, billion, 120, nil, "failures within the window that raise an alert")
    case .messageBlockedAlertThreshold: integer(0, billion, 5_000, .messages, "backlog that raises an alert")
    case .dropMessageThreshold: integer(0, billion, 0, .messages, "backlog above which messages are dropped, 0 never")
    case .dropMessageThresholdAction: integer(0, 2, 0, nil, "0 keep, 1 write to the drop log, 2 drop")
    case .ackMode:
      (.choice(AckMode.allCases.map(\.rawValue)), .text("status"), nil, "what counts as success")
    case .payloadFormat: (.choice(PayloadFormat.allCases.map(\.rawValue)), .text("form"), nil, "body of the push")
    case .signingSecret: (.signingSecret(maximumBytes: 512), .text(""), nil, "signs pushes with PayloadFormat json")
    }
  }

  private static let hour = 3_600_000
  private static let day = 86_400
  private static let month = 30 * 86_400
  private static let billion = 1_000_000_000
  private static let text = ParameterDefinition.Kind.text(maximumBytes: 4_096)

  /// A configuration whose default lies outside its own bounds gets the nearest bound.
  private static func integer(
    _ least: Int, _ most: Int, _ value: Int, _ unit: ParameterDefinition.Unit?, _ summary: String
  ) -> Row {
    let most = max(least, min(most, Int(Int32.max)))
    return (.integer(least...most), .integer(min(max(value, least), most)), unit, summary)
  }
}
