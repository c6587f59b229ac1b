/// A command of SPEC §8, read from its name and arguments, whoever brings it: the control panel's RPC, the admin API,
/// events in etcd.
public enum ControlCommand: Sendable, Equatable {
  /// Looks up afresh what the prefixes name; none: everything.
  case clearDataCache(keyPrefixes: [String])
  /// Changes parameters by name; nil gives back the default.
  case setSubscriptionParameters(subscription: Int, [String: String?])
  /// Asks for all parameters in force.
  case getSubscriptionParameters(subscription: Int)
  /// Asks for the defaults and bounds of parameters.
  case getDefaultSubscriptionSettings
  /// Changes who gets alerts that nobody else gets, and when.
  case setDefaultAlarm(DefaultAlarm)
  /// Empties a tube.
  case cleanTopic(servers: [String], topic: String, callback: String?)
  /// Asks for pushes by topic and subscription.
  case getPushStatistics

  /// As commands are called on the wire.
  public enum Name: String, Sendable, CaseIterable {
    /// {} or lists of key prefixes.
    case clearDataCache = "ClearDataCache"
    /// SubscriptionId, Params.
    case setSubscriptionParameters = "SetSubscriptionParams"
    /// SubscriptionId.
    case getSubscriptionParameters = "GetSubscriptionParams"
    /// {}
    case getDefaultSubscriptionSettings = "GetDefaultSubscriptionSettings"
    /// Any of the names of ``DefaultAlarm``.
    case setDefaultAlarm = "SetDefaultAlarm"
    /// servers, topic, callback.
    case cleanTopic = "CleanTopic"
    /// {}
    case getPushStatistics = "GetPushStatistics"
  }

  /// Which command it is.
  public var name: Name {
    switch self {
    case .clearDataCache: .clearDataCache
    case .setSubscriptionParameters: .setSubscriptionParameters
    case .getSubscriptionParameters: .getSubscriptionParameters
    case .getDefaultSubscriptionSettings: .getDefaultSubscriptionSettings
    case .setDefaultAlarm: .setDefaultAlarm
    case .cleanTopic: .cleanTopic
    case .getPushStatistics: .getPushStatistics
    }
  }

  /// What one command may name: prefixes, parameters, servers.
  static let maximumNames = 10_000

  /// Reads a command.
  /// - Parameters:
  ///   - name: exactly one of ``Name``.
  ///   - arguments: an object; missing ones are `{}`. Numbers and booleans may be text.
  /// - Throws: `.unknownCommand`, `.invalidArgument`, `.outOfBounds`. What depends on the configuration (bounds of
  ///   parameters, known servers) is judged when the command is carried out.
  public init(_ name: String, _ arguments: JSONValue = .null) throws(ControlError) {
    guard let known = Name(rawValue: name) else {
      let shown = JSONValue.string(name).shown
      throw ControlError(
        .unknownCommand,
        "unknown command \(shown), expected \(Name.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    self = try Self.read(known, try ControlArguments(arguments))
  }

  private static func read(_ name: Name, _ arguments: ControlArguments) throws(ControlError) -> ControlCommand {
    switch name {
    case .clearDataCache: return .clearDataCache(keyPrefixes: try prefixes(arguments))
    case .setSubscriptionParameters:
      let id = try subscription(arguments)
      return .setSubscriptionParameters(subscription: id, try parameters(arguments, of: id))
    case .getSubscriptionParameters: return .getSubscriptionParameters(subscription: try subscription(arguments))
    case .getDefaultSubscriptionSettings: return .getDefaultSubscriptionSettings
    case .setDefaultAlarm: return .setDefaultAlarm(try DefaultAlarm(arguments))
    case .cleanTopic:
      let servers = try arguments.strings("servers")
      guard !servers.isEmpty else { throw ControlError(.invalidArgument, "servers: expected at least one") }
      guard servers.count <= maximumNames else { throw tooMany("servers") }
      return .cleanTopic(
        servers: servers, topic: try arguments.text("topic", maximumBytes: TubeName.maximumLength),
        callback: try arguments.optionalText("callback", maximumBytes: 8_192))
    case .getPushStatistics: return .getPushStatistics
    }
  }

  /// The values of all arguments, whatever their names.
  private static func prefixes(_ arguments: ControlArguments) throws(ControlError) -> [String] {
    var prefixes: [String] = []
    for argument in arguments.all { prefixes += try arguments.strings(argument.key) }
    guard prefixes.count <= maximumNames else { throw tooMany("prefixes") }
    return prefixes
  }

  private static func subscription(_ arguments: ControlArguments) throws(ControlError) -> Int {
    try arguments.integer("SubscriptionId", in: 1...Int(Int32.max))
  }

  private static func parameters(
    _ arguments: ControlArguments, of id: Int
  ) throws(ControlError) -> [String: String?] {
    let given = try arguments.object("Params")
    guard given.count <= maximumNames else { throw tooMany("Params") }
    var parameters: [String: String?] = [:]
    for (name, value) in given.sorted(by: { $0.key < $1.key }) {
      // Who sends back what GetSubscriptionParams has answered sends this along.
      if name == "SubscriptionId", value.wholeNumber == id { continue }
      if value == .null {
        parameters[name] = .some(nil)
      } else if let text = value.scalarText {
        parameters[name] = text
      } else {
        throw ControlError(.invalidArgument, "\(name): expected a string, a number or a boolean, got \(value.kind)")
      }
    }
    return parameters
  }

  private static func tooMany(_ what: String) -> ControlError {
    ControlError(.outOfBounds, "\(what): more than \(maximumNames)")
  }
}
