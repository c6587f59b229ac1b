import MEDCore

/// Where `medctl subscriptions` does its work: a running dispatcher's admin API, if it is named or there is a token for
/// it; else, or if nobody listens there, the store itself.
public struct SubscriptionPlace: Sendable {
  private let access: AdminAccess?
  private let settings: Settings?

  /// - Parameter settings: of the config file; nil only if the command line names the API.
  public init(_ access: AdminAccess?, _ settings: Settings?) {
    self.access = access
    self.settings = settings
  }

  /// What parameters are judged by on this side; nil: the dispatcher does.
  public var table: ParameterTable? { settings?.parameterTable }

  /// Does one or the other. Only a refused connection leads to the store: whatever else goes wrong, the dispatcher may have
  /// done what it was asked for.
  public func `do`<Result>(
    _ inDispatcher: (AdminClient) throws -> Result, inStore: (Settings) throws -> Result
  ) throws -> Result {
    guard let settings else {
      guard let access else { throw SystemError(message: "there is neither a config file nor an admin API") }
      return try inDispatcher(AdminClient(access))
    }
    guard let access, access.isForChanges else { return try inStore(settings) }
    do {
      return try inDispatcher(AdminClient(access))
    } catch let failure as AdminFailure where failure.kind == .nobodyThere && !access.isNamed {
      printError("medctl: \(failure), so the store itself is asked")
      return try inStore(settings)
    }
  }
}

/// Subscriptions by way of the admin API.
public struct AdminSubscriptions: Sendable {
  private static let page = 1_000

  private let client: AdminClient

  /// Those of the dispatcher that `client` asks.
  public init(_ client: AdminClient) { self.client = client }

  /// All, cancelled ones too, page after page.
  public func list() throws -> [ListedSubscription] {
    var all: [ListedSubscription] = []
    var after = 0
    while true {
      let answer = try client.send(
        .get, "/subscriptions", query: [("after", "\(after)"), ("limit", "\(Self.page)")])
      all += answer.json["subscriptions"].elements.compactMap(Self.read)
      guard case .integer(let next) = answer.json["next"], next > after else { return all }
      after = next
    }
  }

  /// - Returns: the number that it got.
  public func add(
    topic: String, urls: [String], subscriber: String, parameters: [String: String]
  ) throws -> Int {
    let answer = try client.send(
      .post, "/subscriptions", query: [],
      [
        "topic": .string(topic), "urls": .array(urls.map { .string($0) }), "subscriber": .string(subscriber),
        "parameters": .object(parameters.mapValues { .string($0) }),
      ])
    guard case .integer(let id) = answer.json["id"] else {
      throw SystemError(message: "\(client.url) didn't say which id the subscription got")
    }
    return id
  }

  /// - Returns: the subscription as it was before.
  public func set(_ change: ParameterChange, of id: Int) throws -> ListedSubscription {
    let before = try find(id)
    let members = change.stored.mapValues { $0.map { JSONValue.string($0) } ?? .null }
    _ = try client.send(.patch, "/subscriptions/\(id)/parameters", query: [], .object(members))
    return before
  }

  /// - Returns: whether it was cancelled before.
  public func cancel(_ id: Int) throws -> Bool {
    let before = try find(id)
    if !before.isCancelled { _ = try client.send(.delete, "/subscriptions/\(id)") }
    return before.isCancelled
  }

  private func find(_ id: Int) throws -> ListedSubscription {
    guard let found = Self.read(try client.send(.get, "/subscriptions/\(id)").json) else {
      throw SystemError(message: "\(client.url) answered with something else than a subscription")
    }
    return found
  }

  private static func read(_ json: JSONValue) -> ListedSubscription? {
    guard case .integer(let id) = json["id"], case .string(let topic) = json["topic"],
      case .string(let subscriber) = json["subscriber"]
    else { return nil }
    let urls = json["urls"].elements.compactMap { if case .string(let url) = $0 { url } else { nil } }
    var parameters: [String: String] = [:]
    if case .object(let members) = json["parameters"] {
      for (name, value) in members { if case .string(let text) = value { parameters[name] = text } }
    }
    return ListedSubscription(
      subscription: Subscription(
        id: id, topic: topic, receptionChannel: urls.joined(separator: "\n"), parameters: parameters),
      subscriber: subscriber, status: json["status"] == "cancelled" ? 1 : 0)
  }
}
