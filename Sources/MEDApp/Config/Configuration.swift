import Glibc

/// A config file that was read: the settings, and what there is to tell about them.
public struct Configuration: Sendable {
  public static let defaultPath = "/etc/medispatcher.toml"
  /// More than any sensible file has.
  static let maximumBytes = 4 << 20

  public let path: String
  public let settings: Settings
  /// Warnings and infos, in the order of the file.
  public let diagnostics: [ConfigDiagnostic]
  /// The paths (`Section.Key`) of the options that the file sets itself.
  public let explicit: Set<String>
  let lines: KeyLines

  /// Reads and checks the file at `path`.
  /// - Throws: all errors of the file at once, together with its warnings.
  public static func load(
    _ path: String, environment: [String: String] = processEnvironment()
  ) throws(ConfigurationError) -> Configuration {
    let text = try text(of: path)
    return try parse(text, path: path, environment: environment)
  }

  /// The file at `path`, at most 4 MiB of UTF-8.
  static func text(of path: String) throws(ConfigurationError) -> String {
    func failed(_ message: String) -> ConfigurationError {
      ConfigurationError(diagnostics: [
        ConfigDiagnostic(severity: .error, file: path, line: nil, key: nil, message: message)
      ])
    }
    let bytes: [UInt8]
    do { bytes = try readFile(path, atMost: maximumBytes) } catch { throw failed(error.message) }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failed("it is not valid UTF-8") }
    return text
  }

  /// The same for a text that is there already.
  public static func parse(
    _ text: String, path: String, environment: [String: String] = [:]
  ) throws(ConfigurationError) -> Configuration {
    var reader = ConfigReader(file: path, text: text, environment: environment)
    reader.read(text)
    let order: (ConfigDiagnostic, ConfigDiagnostic) -> Bool = { ($0.line ?? .max) < ($1.line ?? .max) }
    let diagnostics = reader.diagnostics.sorted(by: order)
    guard !diagnostics.contains(where: { $0.severity == .error }) else {
      throw ConfigurationError(diagnostics: diagnostics)
    }
    return Configuration(
      path: path, settings: reader.settings, diagnostics: diagnostics, explicit: reader.explicit, lines: reader.lines)
  }
}

/// The environment of this process.
public func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  var entry = environ
  while let pointer = entry.pointee {
    let text = String(cString: pointer)
    if let equals = text.firstIndex(of: "=") {
      result[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    entry += 1
  }
  return result
}
