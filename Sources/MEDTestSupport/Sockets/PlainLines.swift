/// A client of a line console, as telnet is one. Blocks its thread; every wait ends with an error after the time-out.
public final class PlainLines: @unchecked Sendable {  // why: a test uses one from one task at a time
  private let socket: BlockingSocket

  public init(port: UInt16, timeout: Duration = .seconds(60)) throws {
    socket = try BlockingSocket(port: port, timeout: timeout)
  }

  public func send(_ text: String) throws { try send(Array(text.utf8)) }

  public func send(_ bytes: [UInt8]) throws { try socket.write(bytes) }

  /// The next line without its end.
  public func line() throws -> String { try socket.line() }

  /// Everything up to the end of the stream.
  public func readToEnd() throws -> String { String(decoding: try bytesToEnd(), as: UTF8.self) }

  public func bytesToEnd() throws -> [UInt8] { try socket.readToEnd() }

  /// Ends our half of the connection.
  public func endSending() { socket.endWriting() }
}
