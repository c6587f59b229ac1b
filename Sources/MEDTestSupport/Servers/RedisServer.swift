/// A Redis of the test's own on 127.0.0.1, in memory only; killed when the last reference goes.
public final class RedisServer: Sendable {
  public let port: UInt16
  public let process: ServerProcess
  private let directory: TemporaryDirectory
  private let password: String?

  public var address: String { "127.0.0.1:\(port)" }

  /// Starts one and waits until PING is answered.
  /// - Parameters:
  ///   - keepsData: every write is on disk, so that ``restart()`` and a crash lose nothing.
  ///   - password: required of clients.
  public static func start(keepsData: Bool = false, password: String? = nil) async throws -> RedisServer {
    let server = try RedisServer(keepsData: keepsData, password: password)
    try await server.waitUntilReady()
    return server
  }

  private init(keepsData: Bool, password: String?) throws {
    directory = try TemporaryDirectory("redis")
    port = try FreePort.next()
    self.password = password
    let storage = keepsData ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"]
    process = try ServerProcess(
      "redis-server",
      ["--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory.path, "--save", ""] + storage
        + (password.map { ["--requirepass", $0] } ?? []))
  }

  /// One command and its answer, on a connection of its own, by blocking sockets.
  ///
  /// Arrays come flattened, nil as an empty array; an error answer throws.
  public func command(_ words: String...) throws -> [String] { try command(words.map { Array($0.utf8) }) }

  public func command(_ words: [[UInt8]]) throws -> [String] {
    let socket = try BlockingSocket(port: port, timeout: .seconds(5))
    if let password {
      try send([Array("AUTH".utf8), Array(password.utf8)], on: socket)
      _ = try reply(socket)
    }
    try send(words, on: socket)
    return try reply(socket)
  }

  public func stop() async throws { try await process.stop() }

  /// Starts it again on the same port and directory, after an end.
  public func start() async throws {
    try process.start()
    try await waitUntilReady()
  }

  public func restart() async throws {
    try await stop()
    try await start()
  }

  private func waitUntilReady() async throws {
    try await process.waitUntilReady(within: .seconds(10)) { try command("PING") == ["PONG"] }
  }

  private func send(_ words: [[UInt8]], on socket: BlockingSocket) throws {
    let parts = words.flatMap { Array("$\($0.count)\r\n".utf8) + $0 + Array("\r\n".utf8) }
    try socket.write(Array("*\(words.count)\r\n".utf8) + parts)
  }

  private func reply(_ socket: BlockingSocket) throws -> [String] {
    let line = try socket.line()
    let rest = String(line.dropFirst())
    switch line.first {
    case "+", ":": return [rest]
    case "$":
      guard let count = Int(rest), count >= 0 else { return [] }
      return [String(decoding: try socket.bytes(count + 2).dropLast(2), as: UTF8.self)]
    case "*":
      guard let count = Int(rest), count > 0 else { return [] }
      return try (0..<count).flatMap { _ in try reply(socket) }
    default: throw Unexpected(description: "Redis: \(line)")
    }
  }
}
