import MEDLoop

/// What carries a message to a subscriber.
public protocol Pusher: Sendable {
  /// A session confined to the loop of `actor`.
  func open(on actor: isolated LoopActor) -> any PushSession
}

/// Pushes on one loop.
public protocol PushSession: AnyObject {
  /// One HTTP exchange. Never throws: everything that can go wrong is an answer.
  /// Ends at its deadline at the latest, and with ``PushFailure/Kind/cancelled`` when the task is cancelled or the session
  /// is closed.
  func push(_ request: PushRequest) async -> PushAnswer

  /// Ends what is still running, then closes all connections.
  func close() async
}

/// One POST.
public struct PushRequest: Sendable {
  /// The whole URL: ASCII, without control characters.
  public var url: String
  /// The part of the URL that is the same for every message of a target; connections and handles are kept for it.
  public var target: String
  /// The header of that name.
  public var contentType: StaticString
  /// What is posted.
  public var body: [UInt8]
  /// More headers: names and values without CR, LF and NUL (a session leaves out others).
  public var headers: [(name: String, value: String)]
  /// Covers the whole exchange, from name resolution to the last byte of the answer.
  public var timeout: Duration
  /// How many exchanges with this target may run at once: sizes the connection cache.
  public var concurrency: Int
  /// What the session signs the request with at the time of the push; nil: it isn't signed.
  public var signing: PushSigning?

  /// A POST to `url`.
  public init(
    url: String, target: String, contentType: StaticString = "application/x-www-form-urlencoded", body: [UInt8],
    headers: [(name: String, value: String)] = [], timeout: Duration, concurrency: Int = 1
  ) {
    self.url = url
    self.target = target
    self.contentType = contentType
    self.body = body
    self.headers = headers
    self.timeout = timeout
    self.concurrency = concurrency
  }
}

/// Asks for the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
/// - Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
public struct PushSigning: Sendable {
  /// The same for each repetition of a push.
  public var messageID: String
  /// Each of them makes a signature.
  public var keys: SigningKeys

  /// A wish for these headers.
  public init(messageID: String, keys: SigningKeys) {
    self.messageID = messageID
    self.keys = keys
  }
}

/// How a push ended.
public enum PushAnswer: Sendable {
  /// An answer was read to its end, or up to the bound (`truncated`).
  case answered(status: Int, body: [UInt8], truncated: Bool, retryAfter: String?)
  /// There was no answer.
  case failed(PushFailure)
}

/// Why there was no answer.
public struct PushFailure: Error, Sendable, Equatable {
  /// The kinds of failure.
  public enum Kind: String, Sendable, CaseIterable {
    /// The connection was refused.
    case refused
    /// No connection came about.
    case unreachable
    /// No address for the host name.
    case unresolved
    /// No whole answer in time.
    case timedOut
    /// The certificate, or the handshake.
    case tls
    /// Not an http or https URL.
    case invalidURL
    /// An address that may not be connected to.
    case deniedAddress
    /// The answer isn't HTTP, or was cut off.
    case protocolError
    /// The task was cancelled, or the session closed.
    case cancelled
    /// Anything else.
    case other
  }

  /// The kind of failure.
  public var kind: Kind
  /// For people: what went wrong, without secrets.
  public var message: String

  /// A failure of that kind.
  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
