/// Cuts the bytes of one connection into HTTP/1.1 requests with `Content-Length`.
struct RequestReader {
  struct Request {
    let method: String
    let target: String
    let headers: [(name: String, value: String)]
    let body: [UInt8]
  }

  enum Outcome {
    case request(Request)
    /// The head is there and asks to be told to go on.
    case expectsContinue
    case incomplete
    case malformed
  }

  private var buffer: [UInt8] = []
  private var head: (method: String, target: String, headers: [(name: String, value: String)], length: Int)?

  mutating func append(_ bytes: [UInt8]) { buffer += bytes }

  mutating func next() -> Outcome {
    if head == nil {
      guard let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else { return .incomplete }
      let text = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
      buffer.removeSubrange(..<end.upperBound)
      // why: CR LF is one Character, so it separates as one
      let lines = text.split(separator: "\r\n")
      let words = (lines.first ?? "").split(separator: " ")
      guard words.count == 3 else { return .malformed }
      let headers = lines.dropFirst().compactMap { HTTPField.parse(String($0)) }
      let length = headers.first { $0.name == "content-length" }.map { Int($0.value) } ?? 0
      guard let length, length >= 0, !headers.contains(where: { $0.name == "transfer-encoding" }) else {
        return .malformed
      }
      head = (String(words[0]), String(words[1]), headers, length)
      if buffer.count < length, headers.contains(where: { $0.name == "expect" }) { return .expectsContinue }
    }
    guard let complete = head, buffer.count >= complete.length else { return .incomplete }
    let body = Array(buffer.prefix(complete.length))
    buffer.removeFirst(complete.length)
    head = nil
    return .request(
      Request(method: complete.method, target: complete.target, headers: complete.headers, body: body))
  }
}
