/// One HTTP exchange to be made.
public struct HTTPRequest: Sendable {
  public enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
  }

  public var method: Method
  /// `http://…` or `https://…`, ASCII, without spaces and control characters.
  public var url: String
  /// What handles and connections are kept for: the part of `url` that stays the same from one request to the next.
  public var target: String
  /// Not sent with ``Method/get``.
  public var body: [UInt8]
  public var contentType: StaticString?
  /// More headers. One that ``HTTPHeader/isSendable(name:value:)`` refuses is left out.
  public var headers: [(name: String, value: String)]
  /// Covers the whole exchange, from name resolution to the last byte of the answer. At least 1 ms.
  public var timeout: Duration
  /// How many exchanges with this target may run at once: so many connections are kept for it.
  public var concurrency: Int

  /// - Parameter target: the scheme, host and port of `url` if nil.
  public init(
    _ method: Method = .get, url: String, target: String? = nil, body: [UInt8] = [], contentType: StaticString? = nil,
    headers: [(name: String, value: String)] = [], timeout: Duration, concurrency: Int = 1
  ) {
    self.method = method
    self.url = url
    self.target = target ?? HTTPURL.origin(of: url)
    self.body = body
    self.contentType = contentType
    self.headers = headers
    self.timeout = timeout
    self.concurrency = concurrency
  }
}

/// What an exchange came to. Everything that can go wrong is an answer.
public enum HTTPAnswer: Sendable {
  case answered(HTTPResponse)
  case failed(HTTPFailure)
}

public struct HTTPResponse: Sendable, Equatable {
  public var status: Int
  /// Decompressed; at most ``HTTPClientConfiguration/maximumResponseBytes``.
  public var body: [UInt8]
  /// The body or the headers were longer than allowed: reading ended there, and the connection was closed.
  public var isTruncated: Bool
  /// `Retry-After` as it stood there, without spaces around it; nil if absent or longer than 64 bytes.
  public var retryAfter: String?

  public init(status: Int, body: [UInt8], isTruncated: Bool = false, retryAfter: String? = nil) {
    self.status = status
    self.body = body
    self.isTruncated = isTruncated
    self.retryAfter = retryAfter
  }
}

public struct HTTPFailure: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// The host answered that nobody listens there.
    case refused
    case unreachable
    case unresolved
    case timedOut
    case tls
    case invalidURL
    /// Every address of the host lies in a denied network (with a proxy: of the proxy).
    case deniedAddress
    /// What came back is no HTTP, or ended too early.
    case protocolError
    case cancelled
    case other
  }

  public var kind: Kind
  /// For people: what went wrong, without secrets.
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}
