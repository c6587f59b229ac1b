import Logging
import MEDCore
import MEDCurl
import MEDLoop

/// The pushes of one loop: a thin adapter over ``HTTPClient``.
final class CurlPushSession: PushSession {
  private static let warningInterval = Duration.seconds(1)

  private let client: HTTPClient
  private let logger: Logger
  private var nextWarning: ContinuousClock.Instant?

  init(loop: EventLoop, configuration: PushConfiguration, logger: Logger) {
    client = HTTPClient(loop: loop, configuration: configuration.client)
    self.logger = logger
  }

  func push(_ request: PushRequest) async -> PushAnswer {
    answer(await client.send(prepared(request)))
  }

  private func prepared(_ request: PushRequest) -> HTTPRequest {
    for (name, value) in request.headers where !HTTPHeader.isSendable(name: name, value: value) {
      warn(ofHeader: name, to: request.target)
    }
    var headers = request.headers
    if let signing = request.signing {
      headers += WebhookSignature.headers(
        signing, body: request.body, time: RecordTime.now().microseconds / 1_000_000)
    }
    return HTTPRequest(
      .post, url: request.url, target: request.target, body: request.body, contentType: request.contentType,
      headers: headers, timeout: request.timeout, concurrency: request.concurrency)
  }

  private func answer(_ answer: HTTPAnswer) -> PushAnswer {
    switch answer {
    case .answered(let response):
      return .answered(
        status: response.status, body: response.body, truncated: response.isTruncated, retryAfter: response.retryAfter)
    case .failed(let failure):
      return .failed(PushFailure(PushFailure.Kind(failure.kind), failure.message))
    }
  }

  func close() async { end() }

  func end() { client.close() }

  /// At most once a second: a producer could fill the log otherwise.
  private func warn(ofHeader name: String, to target: String) {
    let now = client.loop.now
    if let nextWarning, now < nextWarning { return }
    nextWarning = now + Self.warningInterval
    logger.warning(
      "a header that can't be sent was left out",
      metadata: [
        "header": "\(name.filter { !$0.isNewline })", "target": "\(HTTPURL.masking(target, credentialsOf: target))",
      ])
  }
}

extension PushFailure.Kind {
  init(_ kind: HTTPFailure.Kind) {
    switch kind {
    case .refused: self = .refused
    case .unreachable: self = .unreachable
    case .unresolved: self = .unresolved
    case .timedOut: self = .timedOut
    case .tls: self = .tls
    case .invalidURL: self = .invalidURL
    case .deniedAddress: self = .deniedAddress
    case .protocolError: self = .protocolError
    case .cancelled: self = .cancelled
    case .other: self = .other
    }
  }
}
