import Hummingbird
import MEDCore

/// Subscriptions and their parameters.
extension AdminAPI {
  /// Subscriptions of a page.
  static let maximumPage = 1_000

  private enum Status: String, CaseIterable {
    case live, cancelled, all
  }

  var subscriptionRoutes: [APIRoute] {
    let path = "\(Self.base)/subscriptions"
    return [
      APIRoute(.get, path, query: ["topic", "status", "after", "limit"]) { call in
        let topic = call.text("topic")
        let status = try call.choice("status", Status.self) ?? .all
        let after = try call.integer("after", in: 0...Int(Int32.max)) ?? 0
        let limit = try call.integer("limit", in: 1...Self.maximumPage) ?? 100
        let page = try await answer { control in
          try await control.subscriptions(
            after: after, topic: topic, isCancelled: status == .all ? nil : status == .cancelled, limit: limit)
        }
        return Response([
          "subscriptions": .array(page.map(Self.json)),
          "next": page.count == limit ? page.last.map { .integer($0.subscription.id) } ?? .null : .null,
        ])
      },
      APIRoute(.post, path) { call in
        let body = try await call.object(knows: ["topic", "urls", "subscriber", "parameters"])
        guard let topic = try body.string("topic") else { throw AdminError(.invalid, "topic is missing") }
        guard let urls = try body.strings("urls") else { throw AdminError(.invalid, "urls is missing") }
        let subscriber = try body.string("subscriber") ?? "admin"
        let parameters = try Self.parameters(body["parameters"] ?? [:])
        let listed = try await answer { control in
          let id = try await control.addSubscription(
            topic: topic, urls: urls, subscriber: subscriber, parameters: parameters)
          return try await control.subscription(id)
        }
        var response = Response(Self.json(listed), status: .created)
        response.headers[.location] = "\(path)/\(listed.subscription.id)"
        return response
      },
      APIRoute(.get, "\(path)/{id}") { call in
        let id = try call.id()
        return Response(Self.json(try await answer { try await $0.subscription(id) }))
      },
      APIRoute(.patch, "\(path)/{id}") { call in
        let id = try call.id()
        guard let urls = try await call.object(knows: ["urls"]).strings("urls") else {
          throw AdminError(.invalid, "urls is missing")
        }
        return Response(
          Self.json(
            try await answer { control in
              try await control.setURLs(urls, of: id)
              return try await control.subscription(id)
            }))
      },
      APIRoute(.delete, "\(path)/{id}") { call in
        let id = try call.id()
        return Response(
          Self.json(
            try await answer { control in
              try await control.cancelSubscription(id)
              return try await control.subscription(id)
            }))
      },
    ]
  }

  var parameterRoutes: [APIRoute] {
    let path = "\(Self.base)/subscriptions/{id}/parameters"
    return [
      APIRoute(.get, path) { call in Response(try await inForce(call.id())) },
      APIRoute(.patch, path) { call in
        let id = try call.id()
        let changes = JSONValue.object(try await call.object(knows: nil))
        _ = try await perform("SetSubscriptionParams", ["SubscriptionId": .integer(id), "Params": changes])
        return Response(try await inForce(id))
      },
      APIRoute(.get, "\(Self.base)/parameters/defaults") { _ in
        let settings = try await perform("GetDefaultSubscriptionSettings", [:])
        let table = try await answer { try await $0.parameterTable() }
        return Response(["settings": settings, "parameters": .array(table.definitions.map(Self.json))])
      },
    ]
  }

  private func inForce(_ id: Int) async throws -> JSONValue {
    let answer = try await perform("GetSubscriptionParams", ["SubscriptionId": .integer(id)])
    guard case .object(var members) = answer else { return answer }
    members["SubscriptionId"] = nil
    return ["subscription": .integer(id), "parameters": .object(members)]
  }

  /// What a command says, within its time.
  func answer<Value: Sendable>(_ work: @escaping @Sendable (Control) async throws -> Value) async throws -> Value {
    try await limit.answer(within: Self.commandLimit) { [control] in try await work(control) }
  }

  // MARK: As JSON

  static func json(_ listed: ListedSubscription) -> JSONValue {
    let subscription = listed.subscription
    return [
      "id": .integer(subscription.id), "topic": .string(subscription.topic),
      "subscriber": .string(listed.subscriber), "status": listed.isCancelled ? "cancelled" : "live",
      "urls": .array(subscription.receptionChannel.split(whereSeparator: \.isNewline).map { .string(String($0)) }),
      "parameters": .object(
        Dictionary(
          uniqueKeysWithValues: subscription.parameters.map { name, text in
            let isHidden = ParameterName(rawValue: name)?.isSecret == true && !text.isEmpty
            return (name, .string(isHidden ? hidden : text))
          })),
    ]
  }

  /// What stands for a secret.
  static let hidden = "(hidden)"

  private static func json(_ definition: ParameterDefinition) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(definition.name.rawValue), "default": json(definition.defaultValue),
      "allowed": .string(definition.allowed), "unit": (definition.unit?.rawValue).json,
      "secret": .boolean(definition.isSecret), "summary": .string(definition.summary),
    ]
    switch definition.kind {
    case .integer(let range):
      members["type"] = "integer"
      members["minimum"] = .integer(range.lowerBound)
      members["maximum"] = .integer(range.upperBound)
    case .boolean: members["type"] = "boolean"
    case .choice(let names):
      members["type"] = "string"
      members["choices"] = .array(names.map { .string($0) })
    case .text(let bytes), .signingSecret(let bytes), .targets(let bytes):
      members["type"] = "string"
      members["maximum_bytes"] = .integer(bytes)
    }
    return .object(members)
  }

  private static func json(_ value: ParameterValue) -> JSONValue {
    switch value {
    case .integer(let number): .integer(number)
    case .boolean(let truth): .boolean(truth)
    case .text(let text): .string(text)
    }
  }

  /// Strings, numbers and booleans as the store holds them.
  private static func parameters(_ value: JSONValue) throws(AdminError) -> [String: String] {
    guard case .object(let members) = value else {
      throw AdminError(.invalid, "parameters: expected an object, got \(value.kind)")
    }
    var parameters: [String: String] = [:]
    for (name, value) in members {
      switch value {
      case .string(let text): parameters[name] = text
      case .integer(let number): parameters[name] = "\(number)"
      case .double(let number): parameters[name] = "\(number)"
      case .boolean(let truth): parameters[name] = truth ? "1" : "0"
      case .null: continue
      case .array, .object:
        throw AdminError(
          .invalid, "\(APIText.quoted(name)): expected a string, a number or a boolean, got \(value.kind)")
      }
    }
    return parameters
  }
}
