import ArgumentParser
import MEDApp
import MEDCore

/// `-f FILE`, `--admin URL`, `--token-file FILE`, for every command that asks a running dispatcher.
struct AdminOptions: ParsableArguments {
  @OptionGroup var config: ConfigOptions

  @Option(
    help: ArgumentHelp(
      "The admin API of a running dispatcher (default: [Admin] Addr of the config file).", valueName: "url"))
  var admin: String?

  @Option(
    help: ArgumentHelp(
      "A file whose first line is the token (default: [Admin] Token, or MEDISPATCHER_ADMIN_TOKEN).", valueName: "file"),
    completion: .file())
  var tokenFile: String?

  /// With `--admin` no config file is needed.
  func client() throws -> AdminClient {
    let settings = admin == nil ? try config.load() : nil
    return try failing {
      guard let access = try AdminAccess(url: admin, tokenFile: tokenFile, settings: settings) else {
        throw SystemError(message: "[Admin] Addr is off in \(config.file); --admin names another dispatcher's")
      }
      return AdminClient(access)
    }
  }

  /// For what can also be done in the store: see ``SubscriptionPlace``.
  func place() throws -> SubscriptionPlace {
    let settings = admin == nil ? try config.load() : nil
    return try failing {
      SubscriptionPlace(try AdminAccess(url: admin, tokenFile: tokenFile, settings: settings), settings)
    }
  }

  /// Makes one request and shows what came.
  func show(
    _ method: AdminClient.Method, _ path: String, query: [(name: String, value: String?)] = [],
    _ body: JSONValue? = nil, asJSON: Bool, _ text: (JSONValue) -> String
  ) throws {
    let client = try client()
    try failing {
      let answer = try client.send(method, path, query: query, body)
      try Terminal.show((asJSON ? String(decoding: answer.bytes, as: UTF8.self) : text(answer.json)) + "\n")
    }
  }
}
