import Foundation

/// An authority of the test's own, and certificates by which servers are trusted or not. Made by `openssl`.
public final class TestCertificates: Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// Issued by the authority for 127.0.0.1, ::1 and localhost.
    case valid
    /// Issued by the authority for another host.
    case otherHost
    /// As ``valid``, but its time is over.
    case expired
    /// For 127.0.0.1, issued by nobody but itself.
    case selfSigned
  }

  private let directory: TemporaryDirectory

  private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  private static let names = "IP:127.0.0.1,IP:::1,DNS:localhost"

  /// The authority's certificate (PEM).
  public var authority: String { directory.file("authority.pem") }

  public init() async throws {
    directory = try TemporaryDirectory("certificates")
    try await selfSigned(
      "authority", ["-subj", "/CN=Authority of a test", "-addext", "keyUsage=critical,keyCertSign"])
    try await selfSigned(
      Kind.selfSigned.rawValue, ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=\(Self.names)"])
    try await issue(.valid, for: Self.names, days: 30)
    try await issue(.otherHost, for: "DNS:elsewhere.example", days: 30)
    try await issue(.expired, for: Self.names, days: -1)
  }

  public func certificate(_ kind: Kind) -> String { directory.file("\(kind.rawValue).pem") }
  public func key(_ kind: Kind) -> String { directory.file("\(kind.rawValue).key") }

  private func selfSigned(_ name: String, _ arguments: [String]) async throws {
    try await openssl(
      ["req", "-x509", "-days", "30", "-keyout", directory.file("\(name).key"), "-out", directory.file("\(name).pem")]
        + Self.newKey + arguments)
  }

  private func issue(_ kind: Kind, for names: String, days: Int) async throws {
    let request = directory.file("\(kind.rawValue).csr")
    let extensions = try directory.write("subjectAltName=\(names)\n", to: "\(kind.rawValue).ext")
    try await openssl(["req", "-subj", "/CN=Server of a test", "-keyout", key(kind), "-out", request] + Self.newKey)
    try await openssl([
      "x509", "-req", "-in", request, "-CA", authority, "-CAkey", directory.file("authority.key"), "-CAcreateserial",
      "-days", "\(days)", "-extfile", extensions, "-out", certificate(kind),
    ])
  }

  private func openssl(_ arguments: [String]) async throws {
    let finished = try await ServerProcess.run("openssl", arguments)
    guard finished.status == .code(0) else { throw Unexpected(description: "openssl: \(finished.errors)") }
  }
}
