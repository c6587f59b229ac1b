import MEDCore

/// The configuration in force, for the admin API: values as TOML has them, secrets masked.
struct ConfigListing: Sendable {
  private static let hidden = "\"(hidden)\""

  let configuration: Configuration
  let live: LiveSettings

  var json: JSONValue {
    let settings = live.current
    return [
      "file": .string(configuration.path),
      "options": .array(ConfigOption.all.map { json($0, settings) }),
    ]
  }

  private func json(_ option: ConfigOption, _ settings: Settings) -> JSONValue {
    [
      "section": .string(option.section), "key": .string(option.key), "value": .string(value(option, settings)),
      "default": .string(option.defaultText), "in_file": .boolean(configuration.explicit.contains(option.path)),
      "effect": .string(option.effect.rawValue), "unit": .string(option.unit), "allowed": .string(option.allowed),
      "secret": .boolean(option.isSecret), "summary": .string(option.summary),
    ]
  }

  private func value(_ option: ConfigOption, _ settings: Settings) -> String {
    let value = option.write(settings)
    if option.isSecret { return value == "\"\"" ? value : Self.hidden }
    return Self.withoutCredentials(value)
  }

  /// What stands between `://` and `@` of a URL may be a password, also where nobody expects one.
  static func withoutCredentials(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let scheme = rest.firstRange(of: "://") {
      result += rest[..<scheme.upperBound]
      rest = rest[scheme.upperBound...]
      let authority = rest.prefix { !"/\"',? ".contains($0) }
      if let at = authority.lastIndex(of: "@") {
        result += "…"
        rest = rest[at...]
      }
    }
    return result + rest
  }
}
