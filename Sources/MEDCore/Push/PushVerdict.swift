/// What counts as an acknowledgement (SPEC §5), the parameter AckMode.
public enum AckMode: String, Sendable, CaseIterable {
  /// Status 200 and a JSON object whose `status` is 1.
  case status
  /// Any status from 200 to 299, whatever the body says.
  case http
}

/// Whether a subscriber's answer acknowledges the push. Each answer is judged by itself alone.
public enum PushVerdict: Sendable, Hashable {
  /// Acknowledged.
  case delivered
  /// Not acknowledged.
  case failed(Reason)

  /// Why an answer is no acknowledgement; its description goes into logs and the failure log.
  public enum Reason: Sendable, Hashable, CustomStringConvertible {
    /// Another HTTP status than success needs; redirects too, which are not followed.
    case status(Int)
    /// Longer than `MaxResponseBytes`.
    case truncated
    /// No JSON.
    case notJSON
    /// JSON, but no object.
    case notAnObject
    /// No `status` in it.
    case noStatus
    /// A `status` other than 1.
    case statusNotOne

    /// For logs and the failure log.
    public var description: String {
      switch self {
      case .status(let status): "HTTP status \(status)"
      // These are judged with status 200 alone.
      case .truncated: "HTTP status 200, but the answer is too long"
      case .notJSON: "HTTP status 200, but the answer is not JSON"
      case .notAnObject: "HTTP status 200, but the answer is not a JSON object"
      case .noStatus: "HTTP status 200, but the answer has no status"
      case .statusNotOne: "HTTP status 200, but the status in the answer is not 1"
      }
    }

    /// One of a fixed set, for metrics.
    public var metricLabel: StaticString {
      switch self {
      case .status(300..<400): "http_3xx"
      case .status(400..<500): "http_4xx"
      case .status(500..<600): "http_5xx"
      case .status: "http_other"
      case .truncated: "truncated"
      case .notJSON: "not_json"
      case .notAnObject: "not_an_object"
      case .noStatus: "no_status"
      case .statusNotOne: "status_not_1"
      }
    }
  }

  /// - Parameters:
  ///   - status: the HTTP status.
  ///   - body: of the answer, decompressed.
  ///   - truncated: whether more of the body came than was read.
  ///   - mode: what counts as an acknowledgement.
  public init(status: Int, body: [UInt8], truncated: Bool, mode: AckMode) {
    self =
      switch mode {
      case .http: (200...299).contains(status) ? .delivered : .failed(.status(status))
      case .status where status != 200: .failed(.status(status))
      case .status where truncated: .failed(.truncated)
      case .status: Self.judge(body)
      }
  }

  private static func judge(_ body: [UInt8]) -> PushVerdict {
    switch JSONAnswer(body) {
    case .status(isOne: true): .delivered
    case .status(isOne: false): .failed(.statusNotOne)
    case .noStatus: .failed(.noStatus)
    case .notAnObject: .failed(.notAnObject)
    case .notJSON: .failed(.notJSON)
    }
  }
}
