/// What this build is: shown by `--version`, sent as `User-Agent: MEDispatcher/<version>`.
public struct BuildInformation: Sendable, CustomStringConvertible {
  public let version: String
  /// The commit it was built from, `-dirty` if files were changed since; nil if that can't be known.
  public let gitHash: String?
  /// When, RFC 3339, UTC.
  public let built: String?
  public let swiftVersion: String

  public static let current = BuildInformation(
    version: "1.0.0", gitHash: BuildStamp.gitHash, built: BuildStamp.built, swiftVersion: compilerVersion)

  /// `medispatcher 1.0.0 (0123abc, built 2026-01-31T12:00:00Z, Swift 6.3)`
  public var description: String {
    let details = [gitHash, built.map { "built " + $0 }, "Swift " + swiftVersion].compactMap(\.self)
    return "\(version) (\(details.joined(separator: ", ")))"
  }

  private static var compilerVersion: String {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }
}
