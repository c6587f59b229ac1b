/// Something to tell about a config file.
public struct ConfigDiagnostic: Sendable, Equatable, CustomStringConvertible {
  public enum Severity: String, Sendable {
    /// The file can't be used.
    case error
    /// Probably not what was meant; the program starts.
    case warning
    case info
  }

  /// So many are logged one by one.
  static let mostTold = 20

  public let severity: Severity
  public let file: String
  public let line: Int?
  /// `[Section] Key`, nil if it isn't about a key.
  public let key: String?
  public let message: String

  /// `<file>:<line>: <severity>: <key>: <message>`, what is unknown left out.
  public var description: String {
    let place = line.map { "\(file):\($0)" } ?? file
    let subject = key.map { "\($0): " } ?? ""
    return "\(place): \(severity.rawValue): \(subject)\(message)"
  }
}

/// A config file that can't be used, with all that is wrong with it.
public struct ConfigurationError: Error, CustomStringConvertible {
  public let diagnostics: [ConfigDiagnostic]

  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
