import Logging

/// Parameters of subscriptions: judged, stored, then in force.
extension Control {
  func set(_ parameters: [String: String?], of id: Int) async throws(ControlError) {
    guard let store else { throw ControlError(.unavailable, "subscriptions can't be changed here") }
    try await turns.take()
    defer { turns.leave() }
    guard let table = await dispatcher.runner.door.enter({ $0.context.directory.parameterTable }) else {
      throw Self.notRunning
    }
    let texts = try Self.judge(parameters, by: table)
    do throws(StoreError) {
      try await store.setParameters(texts, of: id)
    } catch {
      throw ControlError(error)
    }
    await dispatcher.runner.door.enter { engine in
      // One that isn't known is cancelled, or newer than the latest refresh.
      if !engine.context.directory.set(texts, of: id) { await engine.context.directory.refresh() }
    }
    logger.info(
      "parameters were changed by a command",
      metadata: [LogKey.subscription: "\(id)", "parameters": "\(Self.shown(texts, table))"])
  }

  /// All or nothing: the first one that isn't allowed is thrown.
  /// - Returns: texts as they are stored.
  static func judge(
    _ parameters: [String: String?], by table: ParameterTable
  ) throws(ControlError) -> [String: String?] {
    var texts: [String: String?] = [:]
    for (name, text) in parameters.sorted(by: { $0.key < $1.key }) {
      do throws(ParameterError) {
        if let text {
          texts[name] = try table.validate(name, text).storedText
        } else {
          try table.checkName(name)
          texts[name] = .some(nil)
        }
      } catch {
        throw ControlError(error)
      }
    }
    return texts
  }

  /// For the log: names, with values where those can't hold secrets or addresses; `Name=` gets back its default.
  private static func shown(_ texts: [String: String?], _ table: ParameterTable) -> String {
    texts.sorted { $0.key < $1.key }.map { name, text in
      guard let text, let known = ParameterName(rawValue: name) else { return "\(name)=" }
      switch table[known].kind {
      case .integer, .boolean, .choice: return "\(name)=\(text)"
      case .text, .signingSecret, .targets: return "\(name)=…"
      }
    }.joined(separator: " ")
  }

  /// Those in force if the subscription is live here, otherwise those in the store.
  func parameters(of id: Int) async throws(ControlError) -> SubscriptionParameters {
    let known = await dispatcher.runner.door.enter { engine in
      (engine.context.directory.channel(id)?.parameters, engine.context.directory.parameterTable)
    }
    guard let (parameters, table) = known else { throw Self.notRunning }
    if let parameters { return parameters }
    guard let store else { throw ControlError(.notFound, "there is no subscription \(id)") }
    do throws(StoreError) {
      if let listed = try await store.subscription(id) { return table.read(listed.subscription.parameters).parameters }
    } catch {
      throw ControlError(error)
    }
    throw ControlError(.notFound, "there is no subscription \(id)")
  }

  /// All but secrets, numbers and booleans as such, with the subscription's number.
  func json(_ parameters: SubscriptionParameters, of id: Int) -> JSONValue {
    var members: [String: JSONValue] = ["SubscriptionId": .integer(id)]
    for name in ParameterName.allCases where !name.isSecret {
      members[name.rawValue] =
        switch parameters[name] {
        case .integer(let value): .integer(value)
        case .boolean(let value): .boolean(value)
        case .text(let value): .string(value)
        }
    }
    return .object(members)
  }
}
