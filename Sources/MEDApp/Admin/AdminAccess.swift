import Glibc
import MEDCore

/// Where `medctl` finds a running dispatcher's admin API, and the token that opens it.
public struct AdminAccess: Sendable, Equatable {
  /// `http://127.0.0.1:5680`, without a slash behind.
  public let url: String
  /// Empty: none is known, so nothing can be changed there.
  public let token: String
  /// The command line names the API: then nothing else will do.
  public let isNamed: Bool

  /// Whether changes go there rather than into the store: it is named, or there is a token. A token also tells the right
  /// dispatcher from one that happens to listen at the same address.
  public var isForChanges: Bool { isNamed || !token.isEmpty }

  /// Longer files hold no token.
  private static let maximumTokenBytes = 4_096

  /// - Parameters:
  ///   - url: of the command line: `http://host:port`; `https` if a proxy stands before it.
  ///   - tokenFile: of the command line; its first line is the token.
  ///   - settings: of the config file, if there is one.
  ///   - environment: MEDISPATCHER_ADMIN_TOKEN is used if neither of them has a token.
  /// - Returns: nil if the API is off in the config file, and not named.
  /// - Throws: ``UsageError``, or that the file can't be read.
  public init?(
    url: String?, tokenFile: String?, settings: Settings?, environment: [String: String] = processEnvironment()
  ) throws {
    if let url {
      self.url = try Self.checked(url)
    } else if let address = settings?.admin.address {
      self.url = "http://\(Self.reachable(address))"
    } else {
      return nil
    }
    isNamed = url != nil
    if let tokenFile {
      token = try Self.read(tokenFile)
    } else if let settings, !settings.admin.token.isEmpty {
      token = settings.admin.token
    } else {
      token = environment["MEDISPATCHER_ADMIN_TOKEN"] ?? ""
    }
    guard token.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw UsageError("a token holds no spaces and control characters")
    }
  }

  private static func checked(_ url: String) throws -> String {
    let isHTTP = url.hasPrefix("http://") || url.hasPrefix("https://")
    guard isHTTP, !url.contains("@"), !url.contains("?"), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw UsageError("--admin \(quoted(url)): expected http://host:port")
    }
    var url = url
    while url.hasSuffix("/") { url.removeLast() }
    return url
  }

  /// All addresses means this machine too.
  private static func reachable(_ address: ListenAddress) -> ListenAddress {
    switch address.host {
    case "0.0.0.0": ListenAddress(host: "127.0.0.1", port: address.port)
    case "::": ListenAddress(host: "::1", port: address.port)
    default: address
    }
  }

  private static func read(_ path: String) throws -> String {
    let bytes = try readFile(path, atMost: maximumTokenBytes)
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard !line.isEmpty, let token = String(validating: line, as: UTF8.self) else {
      throw SystemError(message: "\(path): expected a token in the first line")
    }
    return token
  }
}
