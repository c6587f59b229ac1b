/// What a ``TestReceiver`` does with a request.
/// ```
/// .ok · .status(500) · .json(#"{"status":0}"#).delayed(.seconds(1)) · .ok.chunked(3) · .ok.cut(after: 20) · .hang
/// ```
public struct Answer: Sendable {
  /// How the body is delimited.
  enum Framing: Sendable {
    case contentLength
    case chunked(Int)
    case untilClose
    case endless
  }

  var status = 200
  var headers: [(String, String)] = []
  var body: [UInt8] = []
  var framing = Framing.contentLength
  var delay = Duration.zero
  var drip: (bytes: Int, pause: Duration)?
  /// The connection is closed once this many bytes of the answer, head included, have been written.
  var cutAfter: Int?
  var hangs = false
  var closes = false

  /// 200 and `{"status":1}`: a success.
  public static let ok = Answer.json(#"{"status":1}"#)

  /// 200 and `{"status":0}`: a refusal by the subscriber.
  public static let refused = Answer.json(#"{"status":0}"#)

  public static func json(_ text: String, status: Int = 200) -> Answer {
    .bytes(Array(text.utf8), status: status, headers: [("Content-Type", "application/json")])
  }

  /// That status and no body.
  public static func status(_ status: Int, headers: [(String, String)] = []) -> Answer {
    .bytes([], status: status, headers: headers)
  }

  public static func bytes(_ body: [UInt8], status: Int = 200, headers: [(String, String)] = []) -> Answer {
    var answer = Answer()
    answer.status = status
    answer.headers = headers
    answer.body = body
    return answer
  }

  /// `body` is gzip data already; it is sent with `Content-Encoding: gzip`.
  public static func gzip(_ body: [UInt8], status: Int = 200) -> Answer {
    .bytes(body, status: status, headers: [("Content-Type", "application/json"), ("Content-Encoding", "gzip")])
  }

  /// 200 and a body that never ends: `piece` again and again, as fast as it is read.
  public static func endless(_ piece: String = "endless ") -> Answer {
    var answer = Answer.bytes(Array(piece.utf8))
    answer.framing = .endless
    return answer
  }

  /// Nothing at all, for as long as the client stays.
  public static let hang: Answer = {
    var answer = Answer()
    answer.hangs = true
    return answer
  }()

  /// Closes the connection without a byte.
  public static let hangUp = Answer.ok.cut(after: 0)

  /// The same, that long after the request.
  public func delayed(_ delay: Duration) -> Answer { with { $0.delay = delay } }

  /// The same with `Transfer-Encoding: chunked`, in chunks of `size` bytes.
  public func chunked(_ size: Int) -> Answer { with { $0.framing = .chunked(max(1, size)) } }

  /// The same without a length: the end of the connection is the end of the body.
  public func untilClose() -> Answer { with { $0.framing = .untilClose } }

  /// The same, `bytes` at a time with a pause after each, head included.
  public func dripping(_ bytes: Int = 1, every pause: Duration) -> Answer {
    with { $0.drip = (max(1, bytes), pause) }
  }

  /// The same, but the connection is closed after that many bytes of it, head included.
  public func cut(after bytes: Int) -> Answer { with { $0.cutAfter = bytes } }

  /// The same with `Connection: close`, and it is closed.
  public func closing() -> Answer { with { $0.closes = true } }

  public func header(_ name: String, _ value: String) -> Answer { with { $0.headers.append((name, value)) } }

  private func with(_ change: (inout Answer) -> Void) -> Answer {
    var copy = self
    change(&copy)
    return copy
  }

  /// Whether the connection is closed after it.
  var closesConnection: Bool {
    if case .untilClose = framing { return true }
    return closes || cutAfter != nil
  }

  /// The whole answer as it goes over the wire; of an endless one, the head and the first piece.
  var wire: [UInt8] {
    var head = "HTTP/1.1 \(status) Test\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if closesConnection, cutAfter == nil { head += "Connection: close\r\n" }
    switch framing {
    case .contentLength:
      return Array((head + "Content-Length: \(body.count)\r\n\r\n").utf8) + body
    case .untilClose:
      return Array((head + "\r\n").utf8) + body
    case .endless:
      return Array((head + "\r\n").utf8) + body
    case .chunked(let size):
      let chunks = stride(from: 0, to: body.count, by: size).flatMap { start in
        let chunk = body[start..<min(start + size, body.count)]
        return Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + Array("\r\n".utf8)
      }
      return Array((head + "Transfer-Encoding: chunked\r\n\r\n").utf8) + chunks + Array("0\r\n\r\n".utf8)
    }
  }
}
