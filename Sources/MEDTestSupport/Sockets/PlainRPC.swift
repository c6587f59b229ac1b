import Foundation

/// A client of the control panel's protocol, written down from the protocol's text: independent of the server's code.
///
/// Blocks its thread; every wait ends with an error after the time-out.
public final class PlainRPC {
  public struct Answer: Equatable, Sendable {
    public let status: String
    public let body: String

    public init(_ status: String, _ body: String) {
      self.status = status
      self.body = body
    }

    /// The body as JSON.
    public var value: Any? { try? JSONSerialization.jsonObject(with: Data(body.utf8), options: .fragmentsAllowed) }
    public var object: [String: Any] { value as? [String: Any] ?? [:] }
  }

  private let socket: BlockingSocket

  public init(port: UInt16, timeout: Duration = .seconds(60)) throws {
    socket = try BlockingSocket(port: port, timeout: timeout)
  }

  /// 8 bytes length, padded with NUL, and the body.
  public static func frame(_ body: String) -> [UInt8] {
    let length = Array("\(body.utf8.count)".utf8)
    return length + Array(repeating: 0, count: 8 - length.count) + Array(body.utf8)
  }

  public func send(_ bytes: [UInt8]) throws { try socket.write(bytes) }

  public func send(_ command: String, _ arguments: String = "{}") throws {
    try send(Self.frame(#"{"cmd":"\#(command)","args":\#(arguments)}"#))
  }

  public func answer() throws -> Answer {
    let length = try padded(8)
    let status = try padded(8)
    guard let count = Int(length) else { throw Unexpected(description: "\(length) is no length") }
    return Answer(status, String(decoding: try socket.bytes(count), as: UTF8.self))
  }

  public func call(_ command: String, _ arguments: String = "{}") throws -> Answer {
    try send(command, arguments)
    return try answer()
  }

  /// Everything up to the end of the stream.
  public func readToEnd() throws -> String { String(decoding: try socket.readToEnd(), as: UTF8.self) }

  /// Ends our half of the connection.
  public func endSending() { socket.endWriting() }

  /// Text with nothing but NULs behind it.
  private func padded(_ count: Int) throws -> String {
    let bytes = try socket.bytes(count)
    let text = bytes.prefix { $0 != 0 }
    guard bytes.dropFirst(text.count).allSatisfy({ $0 == 0 }) else {
      throw Unexpected(description: "\(bytes) isn't padded with NUL")
    }
    return String(decoding: text, as: UTF8.self)
  }
}
