/// Settings of the connections to a database: what the options of a DSN say.
public struct MySQLOptions: Sendable, Equatable {
  /// Whether connections are encrypted, and whose certificates are taken.
  public enum TLS: String, Sendable, CaseIterable {
    /// Not encrypted.
    case off = "false"
    /// Encrypted if the server can do it, whoever it is: no protection from somebody in between.
    case preferred
    /// Always encrypted, whoever the server is.
    case unverified = "skip-verify"
    /// Always encrypted, and the server's certificate must be valid for the host.
    case verified = "true"
  }

  /// What time-outs may be. They count in whole seconds, rounded up.
  public static let timeoutRange: ClosedRange<Duration> = .seconds(1)...(.seconds(3600))

  /// For a connection to be made.
  public var connectTimeout: Duration = .seconds(10)
  /// For each wait for something from the server.
  public var readTimeout: Duration = .seconds(20)
  /// For each wait until the server takes something.
  public var writeTimeout: Duration = .seconds(20)
  /// Encryption; off by default, as in existing configs.
  public var tls = TLS.off
  /// Authorities to trust instead of the system's (PEM); empty: the system's.
  public var caFile = ""
  /// A certificate of our own (PEM); empty: none.
  public var certificateFile = ""
  /// Its key (PEM).
  public var keyFile = ""
  /// Whether a server may ask for the password itself, not only for a proof of it. Never do so without TLS.
  public var allowsCleartextPasswords = false

  /// The defaults.
  public init() {}

  /// Something in a DSN that isn't in force.
  public struct Problem: Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: Sendable, Equatable {
      /// There is no option of that name; it is ignored.
      case unknown
      /// The value can't be used: what was found, what is allowed, and what holds instead.
      case unusable(String)
    }

    /// The option's name, without control characters, at most 80 of them.
    public let name: String
    /// What is wrong.
    public let kind: Kind

    /// One line, without the value of an option that isn't known: it might be a secret.
    public var description: String {
      switch kind {
      case .unknown: "\(name): unknown option, ignored"
      case .unusable(let reason): "\(name): \(reason)"
      }
    }
  }

  /// Options that are understood: those that do something here, then those that there is nothing to do for.
  public static let names = MySQLOptionReader.effective + MySQLOptionReader.withoutEffect

  /// Reads `name=value` pairs with `&` between them, as the DSNs of Go programs have them:
  /// `readTimeout=20s&writeTimeout=20s&charset=utf8mb4`.
  ///
  /// Percent signs and plus signs mean in values what they mean in URLs. Of an option that comes twice the last one counts.
  /// Reads anything; what can't be used leaves the default in force.
  /// - Returns: the options, and at most 20 problems.
  public static func parse(_ text: String) -> (options: MySQLOptions, problems: [Problem]) {
    var reader = MySQLOptionReader()
    reader.read(text)
    return (reader.options, reader.problems)
  }
}
