import Foundation
import MEDTestSupport

/// A dispatcher with an admin API, asked over plain sockets.
struct AdministeredSystem {
  static let token = "correct-horse-battery-staple"

  let system: SystemHarness
  let port: UInt16

  /// - Parameter server: nil: one of its own.
  static func start(
    settings: [String: String] = [:], admin: [String: String] = [:], tables: String = ""
  ) async throws -> AdministeredSystem {
    let port = try FreePort.next()
    let system = try await SystemHarness.start(settings: settings, tables: tables)
    var values = ["Admin.Addr": "\"127.0.0.1:\(port)\"", "Admin.Token": "\"\(token)\""]
    values.merge(admin) { $1 }
    try system.configure(values)
    return AdministeredSystem(system: system, port: port)
  }

  /// Starts the dispatcher and waits until it is ready.
  func startDispatcher() async throws {
    try await system.startDispatcher()
    try await eventually("it is ready", within: .seconds(60)) { try send("GET", "//readyz").status == 200 }
  }

  /// A request with the token, below /api/v1; a path that begins with `//` is from the root.
  func send(
    _ method: String, _ path: String, _ body: String? = nil, token: String? = token
  ) throws -> PlainHTTP.Response {
    var headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
    if body != nil { headers.append(("Content-Type", "application/json")) }
    return try PlainHTTP.send(
      method, port: port, path: path.hasPrefix("//") ? String(path.dropFirst()) : "/api/v1\(path)", headers: headers,
      body: Array((body ?? "").utf8), timeout: .seconds(60))
  }

  /// The same, of which the JSON object is wanted.
  func object(_ method: String, _ path: String, _ body: String? = nil, status: Int = 200) throws -> [String: Any] {
    let response = try send(method, path, body)
    guard response.status == status else {
      throw StillThere(description: "\(method) \(path): \(response.status) \(response.text)")
    }
    return try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any] ?? [:]
  }

  func medctl(_ words: String...) async throws -> ServerProcess.Finished {
    try await ServerProcess.run(BuiltBinary.path("medctl"), words + ["-f", system.config])
  }
}
