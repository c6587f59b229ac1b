import Hummingbird
import HummingbirdCore

/// Who may do what on an address (SPEC §8).
public struct AccessRules: Sendable {
  /// What a bearer token is compared with; nil or empty: there is none, and nothing may be changed.
  public var token: [UInt8]?
  /// Whether others than this machine can reach the address: then everything needs the token.
  public var isOpenToOthers: Bool

  /// Rules of an address.
  /// - Parameters:
  ///   - token: empty: none.
  ///   - isOpenToOthers: whether it is no loopback address.
  public init(token: String, isOpenToOthers: Bool) {
    self.token = token.isEmpty ? nil : Array(token.utf8)
    self.isOpenToOthers = isOpenToOthers
  }

  /// Judges a request.
  /// - Parameters:
  ///   - authorization: the header's values, all of them.
  ///   - host: the `Host` header, or what HTTP/2 has in its place.
  /// - Throws: `.unauthorized`, `.forbidden`.
  func check(method: HTTPRequest.Method, authorization: [String], host: String?) throws(AdminError) {
    let isAuthenticated = try authenticate(authorization)
    if isAuthenticated { return }
    guard Self.isRead(method), !isOpenToOthers else {
      guard token != nil else {
        throw AdminError(
          .forbidden,
          "changes need a token: set [Admin] Token or MEDISPATCHER_ADMIN_TOKEN, and send it as a bearer token")
      }
      throw Self.unauthorized("this needs the token of [Admin] Token, sent as: Authorization: Bearer <token>")
    }
    // A page in a browser can make its own name lead here; it can't make the browser send another Host.
    guard let host, HostName.isLocal(host) else {
      throw AdminError(
        .forbidden, "without a token the Host must be an IP address or localhost, so that no web page can ask")
    }
  }

  /// - Returns: whether the token was sent.
  /// - Throws: if something else was.
  private func authenticate(_ authorization: [String]) throws(AdminError) -> Bool {
    guard let token, let sent = authorization.first else { return false }
    guard authorization.count == 1, let bearer = Self.bearer(sent), Self.isEqual(Array(bearer.utf8), token) else {
      throw Self.unauthorized("the token is wrong")
    }
    return true
  }

  private static func unauthorized(_ message: String) -> AdminError {
    AdminError(.unauthorized, message, headers: [.wwwAuthenticate: "Bearer realm=\"medispatcher\""])
  }

  static func isRead(_ method: HTTPRequest.Method) -> Bool { method == .get || method == .head || method == .options }

  private static func bearer(_ value: String) -> Substring? {
    let scheme = "bearer "
    guard value.utf8.count > scheme.utf8.count, value.prefix(scheme.count).lowercased() == scheme else { return nil }
    return value.dropFirst(scheme.count).drop { $0 == " " }
  }

  /// Takes as long for a wrong token as for the right one, wherever it differs.
  static func isEqual(_ sent: [UInt8], _ token: [UInt8]) -> Bool {
    guard !token.isEmpty else { return false }
    var difference = sent.count ^ token.count
    var place = 0
    for byte in sent {
      difference |= Int(byte ^ token[place])
      place = place + 1 < token.count ? place + 1 : 0
    }
    return difference == 0
  }
}

/// Lets in whom the rules let in, to routes and to paths that don't exist.
struct AccessGuard: RouterMiddleware {
  typealias Context = AdminContext

  private let rules: AccessRules

  init(_ rules: AccessRules) { self.rules = rules }

  @concurrent
  func handle(
    _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
  ) async throws -> Response {
    try rules.check(
      method: request.method, authorization: request.headers[values: .authorization], host: request.head.authority)
    return try await next(request, context)
  }
}

/// What a `Host` header names.
enum HostName {
  /// An IP address, or localhost; with or without a port.
  static func isLocal(_ host: String) -> Bool {
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]"), isPort(host[host.index(after: end)...]) else { return false }
      return isIPv6(host[host.index(after: host.startIndex)..<end])
    }
    let name = host.prefix { $0 != ":" }
    guard isPort(host[name.endIndex...]) else { return false }
    return name.lowercased() == "localhost" || isIPv4(name)
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.isEmpty || text.first == ":" && text.dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
  }

  private static func isIPv4(_ text: Substring) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
      }
  }

  /// Its characters alone: a browser takes nothing else in brackets.
  private static func isIPv6(_ text: Substring) -> Bool {
    text.contains(":")
      && text.utf8.allSatisfy { byte in
        byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") || (0x30...0x39).contains(byte)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
      }
  }
}
