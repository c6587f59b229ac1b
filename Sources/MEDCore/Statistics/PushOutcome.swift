/// How a push ended. Pushes that a stop has cut off have no outcome.
public enum PushOutcome: Int, Sendable, CaseIterable {
  /// It was acknowledged.
  case delivered
  /// Status 200, and the answer is no acknowledgement.
  case notAcknowledged
  /// A status of 300 to 399.
  case http3xx
  /// A status of 400 to 499.
  case http4xx
  /// A status of 500 to 599.
  case http5xx
  /// Any other status.
  case httpOther
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
  /// Anything else.
  case other

  /// As it is called in metrics.
  public var name: String {
    switch self {
    case .delivered: "delivered"
    case .notAcknowledged: "not_acknowledged"
    case .http3xx: "http_3xx"
    case .http4xx: "http_4xx"
    case .http5xx: "http_5xx"
    case .httpOther: "http_other"
    case .refused: "refused"
    case .unreachable: "unreachable"
    case .unresolved: "unresolved"
    case .timedOut: "timed_out"
    case .tls: "tls"
    case .invalidURL: "invalid_url"
    case .deniedAddress: "denied_address"
    case .protocolError: "protocol_error"
    case .other: "other"
    }
  }

  /// nil for one that a stop has cut off.
  init?(_ answer: PushAnswer, isDelivered: Bool) {
    guard !isDelivered else {
      self = .delivered
      return
    }
    switch answer {
    case .answered(let status, _, _, _): self.init(status: status)
    case .failed(let failure):
      guard let outcome = Self(failure.kind) else { return nil }
      self = outcome
    }
  }

  private init(status: Int) {
    switch status {
    case 200: self = .notAcknowledged
    case 300..<400: self = .http3xx
    case 400..<500: self = .http4xx
    case 500..<600: self = .http5xx
    default: self = .httpOther
    }
  }

  private init?(_ kind: PushFailure.Kind) {
    switch kind {
    case .refused: self = .refused
    case .unreachable: self = .unreachable
    case .unresolved: self = .unresolved
    case .timedOut: self = .timedOut
    case .tls: self = .tls
    case .invalidURL: self = .invalidURL
    case .deniedAddress: self = .deniedAddress
    case .protocolError: self = .protocolError
    case .cancelled: return nil
    case .other: self = .other
    }
  }
}
