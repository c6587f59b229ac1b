/// An etcd of one member on 127.0.0.1; killed when the last reference goes.
public final class EtcdServer: Sendable {
  public let port: UInt16
  public let process: ServerProcess
  private let directory: TemporaryDirectory

  /// As `[Etcd] Endpoints` names it.
  public var endpoint: String { "http://127.0.0.1:\(port)" }

  /// Starts one and waits until it is healthy, most of a second.
  public static func start() async throws -> EtcdServer {
    let server = try EtcdServer()
    try await server.waitUntilReady()
    return server
  }

  private init() throws {
    directory = try TemporaryDirectory("etcd")
    port = try FreePort.next()
    let clients = "http://127.0.0.1:\(port)"
    let peers = "http://127.0.0.1:\(try FreePort.next())"
    process = try ServerProcess(
      "etcd",
      [
        "--name", "t", "--data-dir", directory.path, "--listen-client-urls", clients, "--advertise-client-urls",
        clients, "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster",
        "t=\(peers)", "--unsafe-no-fsync",
      ])
  }

  /// One call of the JSON gateway: `post("/v3/kv/range", #"{"key":"…"}"#)`, keys and values in base64.
  public func post(_ path: String, _ json: String) throws -> String {
    let answer = try PlainHTTP.send("POST", port: port, path: path, body: Array(json.utf8))
    guard answer.status == 200 else { throw Unexpected(description: "etcd \(path): \(answer.status) \(answer.text)") }
    return answer.text
  }

  public func stop() async throws { try await process.stop() }

  /// Starts it again on the same ports and data, after an end.
  public func start() async throws {
    try process.start()
    try await waitUntilReady()
  }

  public func restart() async throws {
    try await stop()
    try await start()
  }

  private func waitUntilReady() async throws {
    try await process.waitUntilReady(within: .seconds(30)) {
      try PlainHTTP.send(port: port, path: "/health", timeout: .seconds(1)).text.contains(#""health":"true""#)
    }
  }
}
