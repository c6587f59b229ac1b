/// Walks a parsed file against the table of options, collecting everything there is to tell.
struct ConfigReader {
  private(set) var settings = Settings()
  private(set) var diagnostics: [ConfigDiagnostic] = []
  private(set) var explicit: Set<String> = []

  private var unknownKeys = 0
  private static let mostUnknownTold = 100

  private let file: String
  let lines: KeyLines
  private let environment: [String: String]

  private static let options = Dictionary(
    ConfigOption.all.flatMap { option in
      ([option.key] + option.aliases).map { (option.section.isEmpty ? $0 : option.section + "." + $0, option) }
    }, uniquingKeysWith: { first, _ in first })
  private static let sections = Set(ConfigOption.all.map(\.section)).subtracting([""])

  init(file: String, text: String, environment: [String: String]) {
    self.file = file
    self.environment = environment
    lines = KeyLines(text)
  }

  mutating func read(_ text: String) {
    let root: [String: RawValue]
    do {
      root = try RawValue.parse(text)
    } catch {
      let message = "column \(error.column): \(escapeControlCharacters(error.message[...]))"
      tell(.error, line: error.line, nil, message)
      return
    }
    walk(root, section: "")
    if unknownKeys > Self.mostUnknownTold {
      tell(.warning, line: nil, nil, "\(unknownKeys - Self.mostUnknownTold) more unknown keys or tables")
    }
    takeTokenFromEnvironment()
    check()
  }

  // MARK: Walking

  private mutating func walk(_ table: [String: RawValue], section: String) {
    if section == "Database" { settings.database.isConfigured = true }
    for (key, value) in table.sorted(by: { $0.key < $1.key }) {
      let path = section.isEmpty ? key : section + "." + key
      if let option = Self.options[path] {
        take(value, for: option, path: path)
      } else if Self.sections.contains(path) {
        if case .table(let inner) = value {
          walk(inner, section: path)
        } else {
          tell(.error, at: path, "[\(path)]", "found \(value.found), it must be a table")
        }
      } else {
        tellUnknown(value, key: key, section: section, path: path)
      }
    }
  }

  private mutating func take(_ raw: RawValue, for option: ConfigOption, path: String) {
    let title = option.section.isEmpty ? path : "[\(option.section)] \(path.dropFirst(option.section.count + 1))"
    if explicit.contains(option.path) {
      tell(
        .warning, at: path, title, "means the same as another spelling that the file has too; one of them is ignored")
      if path != option.path { return }
    }
    let value: RawValue
    do {
      value = try substituted(raw)
    } catch {
      tell(.error, at: path, title, error.message)
      return
    }
    explicit.insert(option.path)
    switch option.read(value, &settings) {
    case .taken:
      if option.effect == .none { tell(.info, at: path, title, "accepted, but nothing depends on it") }
    case .refused(let reason):
      let found = option.isSecret ? value.foundKind : reason ?? value.found
      tell(.error, at: path, title, "found \(found), allowed \(option.allowedWithUnit)")
    }
  }

  func substituted(_ raw: RawValue) throws(EnvironmentSubstitution.Failure) -> RawValue {
    switch raw {
    case .string(let text): return .string(try EnvironmentSubstitution.apply(to: text, environment))
    case .array(let values):
      var result: [RawValue] = []
      for value in values { result.append(try substituted(value)) }
      return .array(result)
    default: return raw
    }
  }

  private mutating func tellUnknown(_ value: RawValue, key: String, section: String, path: String) {
    unknownKeys += 1
    // Looking for the nearest name takes its time, and nobody reads a thousand of them.
    guard unknownKeys <= Self.mostUnknownTold else { return }
    let shown = escapeControlCharacters(key.prefix(80))
    if case .table = value {
      let nearest = NearestName.of(path, among: Self.sections.sorted())
      tell(.warning, at: path, "[\(shown)]", "unknown table" + (nearest.map { ", did you mean [\($0)]?" } ?? ""))
      return
    }
    let title = section.isEmpty ? shown : "[\(section)] \(shown)"
    let siblings = ConfigOption.all.filter { $0.section == section }
    let elsewhere = ConfigOption.all.first { $0.key == key }
    var hint = ""
    if let elsewhere {
      hint =
        ", did you mean "
        + (elsewhere.section.isEmpty ? "\(key) at the top, before all tables?" : "\(elsewhere.title)?")
    } else if let nearest = NearestName.of(key, among: siblings.map(\.key)) ?? nearestAnywhere(key) {
      hint = ", did you mean \(nearest)?"
    }
    tell(.warning, at: path, title, "unknown key" + hint)
  }

  private func nearestAnywhere(_ key: String) -> String? {
    guard let name = NearestName.of(key, among: ConfigOption.all.map(\.key)) else { return nil }
    return ConfigOption.all.first { $0.key == name }?.title
  }

  // MARK: What concerns more than one key

  private mutating func takeTokenFromEnvironment() {
    guard settings.admin.token.isEmpty, let token = environment["MEDISPATCHER_ADMIN_TOKEN"] else { return }
    settings.admin.token = token
  }

  private mutating func check() {
    bound("SendersPerChannel", \.sendersPerChannel, by: "MaxSendersPerChannel", \.maximumSendersPerChannel)
    bound(
      "SendersPerRetryChannel", \.sendersPerRetryChannel, by: "MaxSendersPerRetryChannel",
      \.maximumSendersPerRetryChannel)
    bound(
      "DefaultMaxMessageProcessTime", \.defaultProcessTime, by: "MaxMessageProcessTime", \.maximumProcessTime)
    if let admin = settings.admin.address, !admin.isLoopback, settings.admin.token.isEmpty {
      tell(
        .error, at: "Admin.Addr", "[Admin] Addr",
        "found \"\(admin)\", which others can reach: that needs a Token (or MEDISPATCHER_ADMIN_TOKEN)")
    }
    if settings.storeType == .mysql { checkDatabaseOptions() }
    if settings.storeType == .mysql, settings.database.name.isEmpty {
      tell(.error, at: "Database.DbName", "[Database] DbName", "not given, but needed for a store of type \"mysql\"")
    }
  }

  /// Older installations may have defaults above their own bounds: they are lowered, and said so if the file set them.
  private mutating func bound<Value: Comparable>(
    _ key: String, _ path: WritableKeyPath<Settings, Value>, by boundKey: String,
    _ boundPath: KeyPath<Settings, Value>
  ) {
    guard settings[keyPath: path] > settings[keyPath: boundPath] else { return }
    settings[keyPath: path] = settings[keyPath: boundPath]
    if explicit.contains(key) {
      tell(.warning, at: key, key, "is above \(boundKey), which is used instead")
    }
  }

  mutating func tell(
    _ severity: ConfigDiagnostic.Severity, at path: String, _ key: String?, _ message: String
  ) {
    tell(severity, line: lines.line(of: path), key, message)
  }

  private mutating func tell(_ severity: ConfigDiagnostic.Severity, line: Int?, _ key: String?, _ message: String) {
    diagnostics.append(ConfigDiagnostic(severity: severity, file: file, line: line, key: key, message: message))
  }
}

extension ConfigOption {
  /// `1 ... 64 connections`
  var allowedWithUnit: String { unit.isEmpty ? "\(allowed)" : "\(allowed) \(unit)" }
}
