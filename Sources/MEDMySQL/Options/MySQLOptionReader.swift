import MEDCore

/// Reads the options of a DSN one by one.
struct MySQLOptionReader {
  /// Those of the Go driver that mean something here, and tlsCA, tlsCert, tlsKey, which that driver has code for.
  static let effective = [
    "timeout", "readTimeout", "writeTimeout", "tls", "tlsCA", "tlsCert", "tlsKey", "allowCleartextPasswords", "charset",
  ]
  /// Those that shape what the driver gives to a Go program, or that this client always or never does.
  static let withoutEffect = [
    "allowAllFiles", "allowFallbackToPlaintext", "allowNativePasswords", "allowOldPasswords", "autocommit",
    "checkConnLiveness", "clientFoundRows", "collation", "columnsWithAlias", "compress", "connectionAttributes",
    "interpolateParams", "loc", "maxAllowedPacket", "multiStatements", "parseTime", "rejectReadOnly", "serverPubKey",
    "strict", "timeTruncate",
  ]
  static let maximumProblems = 20

  private(set) var options = MySQLOptions()
  private(set) var problems: [MySQLOptions.Problem] = []

  mutating func read(_ text: String) {
    var text = Substring(text)
    if text.first == "?" { text.removeFirst() }
    var saysTLS = false
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard parts.count == 2, let value = FormText.decoded(parts[1]) else {
        tell(name, "expected \(Self.shown(name))=value, percent-encoded like a URL; ignored")
        continue
      }
      if name == "tls" { saysTLS = true }
      take(name, value)
    }
    // Who names an authority wants it asked.
    if !options.caFile.isEmpty, !saysTLS { options.tls = .verified }
    if options.certificateFile.isEmpty != options.keyFile.isEmpty {
      tell(options.keyFile.isEmpty ? "tlsCert" : "tlsKey", "tlsCert and tlsKey belong together")
    }
  }

  private mutating func take(_ name: String, _ value: String) {
    switch name {
    case "timeout": takeTimeout(name, value, \.connectTimeout)
    case "readTimeout": takeTimeout(name, value, \.readTimeout)
    case "writeTimeout": takeTimeout(name, value, \.writeTimeout)
    case "tls": takeTLS(value)
    case "tlsCA": takePath(name, value, \.caFile)
    case "tlsCert": takePath(name, value, \.certificateFile)
    case "tlsKey": takePath(name, value, \.keyFile)
    case "allowCleartextPasswords": takeFlag(name, value, \.allowsCleartextPasswords)
    case "charset": takeCharset(value)
    case _ where Self.withoutEffect.contains(name): break
    default: problems(MySQLOptions.Problem(name: Self.shown(name), kind: .unknown))
    }
  }

  private mutating func takeTimeout(
    _ name: String, _ value: String, _ path: WritableKeyPath<MySQLOptions, Duration>
  ) {
    let range = MySQLOptions.timeoutRange
    let allowed = "a duration of \(range.lowerBound.components.seconds) s to \(range.upperBound.components.seconds) s"
    let seconds = options[keyPath: path].components.seconds
    guard let duration = GoDuration.parse(value) else {
      return tell(name, "expected \(allowed) such as 20s, got \"\(Self.shown(value))\"; \(seconds) s is used")
    }
    // Zero is no limit in Go. Here everything has one.
    guard duration > .zero else { return tell(name, "0 is not allowed here; \(seconds) s is used") }
    options[keyPath: path] = min(max(duration, range.lowerBound), range.upperBound)
    if duration > range.upperBound { tell(name, "longer than \(allowed); the longest is used") }
  }

  private mutating func takeTLS(_ value: String) {
    switch value.lowercased() {
    case "false", "0", "": options.tls = .off
    case "true", "1": options.tls = .verified
    case "skip-verify": options.tls = .unverified
    case "preferred": options.tls = .preferred
    default:
      // The name of something that a Go program has registered: what it demands isn't known, so as much as there is.
      options.tls = .verified
      tell("tls", "expected true, false, skip-verify or preferred, got \"\(Self.shown(value))\"; true is used")
    }
  }

  private mutating func takePath(_ name: String, _ value: String, _ path: WritableKeyPath<MySQLOptions, String>) {
    guard value.hasPrefix("/"), !value.utf8.contains(0) else {
      return tell(name, "expected an absolute path, got \"\(Self.shown(value))\"; ignored")
    }
    options[keyPath: path] = value
  }

  private mutating func takeFlag(_ name: String, _ value: String, _ path: WritableKeyPath<MySQLOptions, Bool>) {
    switch value.lowercased() {
    case "true", "1": options[keyPath: path] = true
    case "false", "0": options[keyPath: path] = false
    default: tell(name, "expected true or false, got \"\(Self.shown(value))\"; ignored")
    }
  }

  /// The server converts from and to what its columns have.
  private mutating func takeCharset(_ value: String) {
    let names = value.split(separator: ",").map { $0.lowercased() }
    guard !names.contains(where: { $0.hasPrefix("utf8") }) else { return }
    tell("charset", "texts are exchanged as utf8mb4, not as \"\(Self.shown(value))\"")
  }

  private mutating func tell(_ name: String, _ reason: String) {
    problems(MySQLOptions.Problem(name: Self.shown(name), kind: .unusable(reason)))
  }

  private mutating func problems(_ problem: MySQLOptions.Problem) {
    if problems.count < Self.maximumProblems { problems.append(problem) }
  }

  /// For people, who may have a terminal.
  private static func shown(_ text: some StringProtocol) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(80).map { $0.properties.isShown ? $0 : "?" }))
  }
}

extension Unicode.Scalar.Properties {
  /// Does nothing to a terminal and moves nothing in a line.
  fileprivate var isShown: Bool {
    switch generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: false
    default: true
    }
  }
}
