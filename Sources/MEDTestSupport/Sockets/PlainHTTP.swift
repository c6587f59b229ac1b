/// HTTP/1.1 by blocking sockets, one request a connection: a witness that shares nothing with libcurl.
public enum PlainHTTP {
  public struct Response: Sendable {
    public let status: Int
    /// Names in lower case, values trimmed, in the order received.
    public let headers: [(name: String, value: String)]
    /// As sent: chunked framing and compression are not undone.
    public let body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
  }

  /// Sends `method path` to 127.0.0.1 with `Connection: close` and reads until the server hangs up.
  ///
  /// Blocks its thread, for `timeout` at most between two reads.
  public static func send(
    _ method: String = "GET", port: UInt16, path: String, headers: [(String, String)] = [], body: [UInt8] = [],
    timeout: Duration = .seconds(5)
  ) throws -> Response {
    try Exchange(method, port: port, path: path, headers: headers, body: body, timeout: timeout).response()
  }

  /// A request that has been sent; its answer is read when the test wants it.
  public final class Exchange {
    private let socket: BlockingSocket

    public init(
      _ method: String = "GET", port: UInt16, path: String, headers: [(String, String)] = [], body: [UInt8] = [],
      timeout: Duration = .seconds(5)
    ) throws {
      var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
      for (name, value) in headers { head += "\(name): \(value)\r\n" }
      if !body.isEmpty { head += "Content-Length: \(body.count)\r\n" }
      socket = try BlockingSocket(port: port, timeout: timeout)
      try socket.write(Array((head + "\r\n").utf8) + body)
    }

    /// Reads the whole answer, until the server hangs up.
    public func response() throws -> Response {
      let statusLine = try socket.line().split(separator: " ")
      guard statusLine.count >= 2, let status = Int(statusLine[1]) else {
        throw Unexpected(description: "no HTTP status line: \(statusLine)")
      }
      var headers: [(name: String, value: String)] = []
      while case let line = try socket.line(), !line.isEmpty {
        if let field = HTTPField.parse(line) { headers.append(field) }
      }
      return Response(status: status, headers: headers, body: try socket.readToEnd())
    }

    /// The next `count` bytes of the answer as they came.
    public func read(_ count: Int) throws -> [UInt8] { try socket.bytes(count) }
  }
}

enum HTTPField {
  /// `Name: value` → lower-case name and trimmed value.
  static func parse(_ line: String) -> (name: String, value: String)? {
    guard let colon = line.firstIndex(of: ":") else { return nil }
    let value = line[line.index(after: colon)...]
    return (line[..<colon].lowercased(), String(value.trimmingPrefix(while: { $0 == " " || $0 == "\t" })))
  }
}

/// A peer said something that its protocol doesn't have, or something is missing on this machine.
public struct Unexpected: Error, CustomStringConvertible {
  public let description: String

  public init(description: String) { self.description = description }
}
