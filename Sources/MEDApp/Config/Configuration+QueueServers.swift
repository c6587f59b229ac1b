import MEDCore

/// What a tool needs that works on the queue servers alone.
public struct QueueServerConfiguration: Sendable {
  public let servers: [QueueServerAddress]
  /// Whether the file names them; if not they are the default.
  public let isExplicit: Bool
  /// What else is wrong with the file: a dispatcher wouldn't start with it.
  public let otherErrors: Int

  /// Reads `QueueServerAddr`. Nothing else must be right: a tool that brings messages back after a crash isn't kept from it
  /// by a secret that isn't set in the operator's shell, or by a file that was written for another dispatcher.
  /// - Throws: what keeps the queue servers from being known.
  public static func load(
    _ path: String, environment: [String: String] = processEnvironment()
  ) throws(ConfigurationError) -> QueueServerConfiguration {
    let text = try Configuration.text(of: path)
    var reader = ConfigReader(file: path, text: text, environment: environment)
    reader.read(text)
    let errors = reader.diagnostics.filter { $0.severity == .error }
    let repeated = servers(in: text, reader)
    let fatal = errors.filter { $0.key == nil || ($0.key == key && repeated == nil) }
    guard fatal.isEmpty else { throw ConfigurationError(diagnostics: fatal) }
    return QueueServerConfiguration(
      servers: repeated ?? reader.settings.queueServers, isExplicit: repeated != nil, otherErrors: errors.count)
  }

  private static let key = "QueueServerAddr"

  /// Each once, though the file may name some of them twice, which a dispatcher refuses.
  private static func servers(in text: String, _ reader: ConfigReader) -> [QueueServerAddress]? {
    guard let raw = (try? RawValue.parse(text))?[key], let value = try? reader.substituted(raw) else { return nil }
    return try? OptionType.queueServers(eachOnce: false).read(value)
  }
}
