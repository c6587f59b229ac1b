import MEDLoop

/// What carries a message to a subscriber.
public protocol Pusher: Sendable {
  /// A session confined to the loop of `actor`.
  func open(on actor: isolated LoopActor) -> any PushSession
}

public protocol PushSession: AnyObject {
  /// One HTTP exchange. Never throws: everything that can go wrong is an answer.
  /// Ends at its deadline at the latest, and with ``PushFailure/Kind/cancelled`` when the task is cancelled or the session
  /// is closed.
  func push(_ request: PushRequest) async -> PushAnswer

  /// Ends what is still running, then closes all connections.
  func close() async
}

public struct PushRequest: Sendable {
  /// The whole URL: ASCII, without control characters.
  public var url: String
  /// The part of the URL that is the same for every message of a target; connections and handles are kept for it.
  public var target: String
  public var contentType: StaticString
  public var body: [UInt8]
  /// More headers: names and values without CR, LF and NUL (a session leaves out others).
  public var headers: [(name: String, value: String)]
  /// Covers the whole exchange, from name resolution to the last byte of the answer.
  public var timeout: Duration
  /// How many exchanges with this target may run at once: sizes the connection cache.
  public var concurrency: Int
  /// What the session signs the request with at the time of the push; nil: it isn't signed.
  public var signing: PushSigning?

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
  public var keys: SigningKeys

  public init(messageID: String, keys: SigningKeys) {
    self.messageID = messageID
    self.keys = keys
  }
}

public enum PushAnswer: Sendable {
  /// An answer was read to its end, or up to the bound (`truncated`).
  case answered(status: Int, body: [UInt8], truncated: Bool, retryAfter: String?)
  case failed(PushFailure)
}

public struct PushFailure: Error, Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case refused, unreachable, unresolved, timedOut, tls, invalidURL, deniedAddress, protocolError, cancelled, other
  }

  public var kind: Kind
  /// For people: what went wrong, without secrets.
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
