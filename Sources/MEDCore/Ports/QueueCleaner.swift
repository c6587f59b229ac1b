/// Empties tubes (SPEC §12), over connections of its own.
public protocol QueueCleaner: Sendable {
  /// Begins, and returns as soon as it has begun: what becomes of it is told to the request's callback.
  /// - Throws: why it can't begin, such as `.busy`.
  func begin(_ request: CleanRequest) async throws(ControlError)
}

/// A tube to be emptied. Made by ``Control`` alone, which has checked it.
public struct CleanRequest: Sendable, Equatable {
  /// At least one, each of them from the configuration.
  public let servers: [QueueServerAddress]
  /// What is to be emptied.
  public let tube: TubeName
  /// An http or https URL, maybe with a query, that is told how far it has come; nil for none.
  public let callback: String?

  init(servers: [QueueServerAddress], tube: TubeName, callback: String?) {
    self.servers = servers
    self.tube = tube
    self.callback = callback
  }

  /// - Throws: `.invalidArgument`, naming what was found and what is allowed.
  init(
    servers names: [String], topic: String, callback: String?, known: [QueueServerAddress]
  ) throws(ControlError) {
    var servers: [QueueServerAddress] = []
    for name in names {
      guard let server = known.first(where: { $0.isCalled(name.trimmed) }) else {
        throw ControlError(
          .invalidArgument,
          "servers: \(JSONValue.string(name).shown) is none of QueueServerAddr "
            + "(\(known.map(\.description).joined(separator: ", ")))")
      }
      if !servers.contains(server) { servers.append(server) }
    }
    guard let tube = TubeName(topic) else {
      throw ControlError(.invalidArgument, "topic: \(JSONValue.string(topic).shown) is not the name of a tube")
    }
    var url: String?
    if let callback, !callback.isEmpty {
      switch Target.parse(callback) {
      case .success(let target): url = target.url
      case .failure(let problem): throw ControlError(.invalidArgument, "callback: \(problem.rawValue)")
      }
    }
    self.init(servers: servers, tube: tube, callback: url)
  }
}

extension QueueServerAddress {
  /// With its port, or without one if that is the usual one.
  fileprivate func isCalled(_ name: String) -> Bool {
    description == name || port == Self.defaultPort && host == name
  }
}
