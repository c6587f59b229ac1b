/// What `--check-config` prints.
public struct CheckReport: Sendable, CustomStringConvertible {
  public let description: String
  public let isUsable: Bool

  public init(_ path: String, environment: [String: String] = processEnvironment()) {
    do throws(ConfigurationError) {
      let configuration = try Configuration.load(path, environment: environment)
      let problems = configuration.fileProblems()
      guard problems.isEmpty else {
        throw ConfigurationError(diagnostics: configuration.diagnostics + problems)
      }
      var lines = configuration.diagnostics.map(\.description)
      let safer = SaferDefault.all.filter { !configuration.explicit.contains($0.path) }
      if !safer.isEmpty {
        lines.append("Defaults that are safer than in older installations, and in force here:")
        lines += safer.map { "  \($0.description)" }
      }
      lines.append("\(path): usable, \(Self.count(configuration.diagnostics))")
      description = lines.joined(separator: "\n")
      isUsable = true
    } catch {
      description = "\(error)\n\(path): not usable, \(Self.count(error.diagnostics))"
      isUsable = false
    }
  }

  private static func count(_ diagnostics: [ConfigDiagnostic]) -> String {
    func number(_ severity: ConfigDiagnostic.Severity) -> String {
      let count = diagnostics.count { $0.severity == severity }
      return "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
    }
    return number(.error) + ", " + number(.warning)
  }
}

/// An option whose default is safer than what older installations had.
struct SaferDefault: CustomStringConvertible {
  let path: String
  let before: String
  let consequence: String

  var description: String {
    guard let option = ConfigOption.all.first(where: { $0.path == path }) else { return path }
    return "\(option.title) = \(option.defaultText) (was: \(before)). \(consequence)"
  }

  static let all = [
    SaferDefault(
      path: "Push.VerifyTLS", before: "not verified",
      consequence: "Pushes to https URLs with an invalid certificate fail; set CAFile for a CA of your own."),
    SaferDefault(
      path: "Push.DenyNetworks", before: "no network denied",
      consequence: "Pushes to link-local addresses, where cloud metadata lives, are refused."),
    SaferDefault(
      path: "DebugAddr", before: "0.0.0.0:9898", consequence: "The running state can be read on this machine only."),
    SaferDefault(
      path: "Rpc.AllowFrom", before: "everybody",
      consequence: "ListenAddr and StatisticApiAddr hang up on peers from public addresses."),
  ]
}
