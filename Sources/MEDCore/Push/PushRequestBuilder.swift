/// Makes the request of one push from a message (SPEC §5).
struct PushRequestBuilder: Sendable {
  /// Names of the headers that hand on the message's Context and Owl_context.
  let contextHeader: String
  let owlContextHeader: String

  /// Headers of pushes with PayloadFormat "json".
  static let jobIDHeader = "X-Medispatcher-Job-Id"
  static let retryTimesHeader = "X-Medispatcher-Retry-Times"
  static let topicHeader = "X-Medispatcher-Topic"

  /// - Parameters:
  ///   - jobID: as ``Envelope/pushJobID(subscription:)`` has it.
  ///   - leavesOut: told the name of each header whose value can't be one (CR, LF, NUL); the push is made without it.
  /// - Throws: what makes the message undecodable.
  func request(
    for envelope: Envelope, of channel: SubscribedChannel, to target: Target, jobID: String, retryTimes: UInt64,
    leavesOut: (String) -> Void
  ) throws(MessageError) -> PushRequest {
    var request = PushRequest(
      url: target.url(jobID: jobID, retryTimes: retryTimes), target: target.url,
      body: [], timeout: channel.parameters.processTimeout, concurrency: channel.parameters.concurrency)
    switch channel.parameters.payloadFormat {
    case .form:
      request.body = try PushBody.form(jobID: jobID, retryTimes: retryTimes, envelope: envelope)
    case .json:
      request.body = try PushBody.json(envelope)
      request.contentType = "application/json"
      request.headers.append((Self.jobIDHeader, jobID))
      request.headers.append((Self.retryTimesHeader, String(retryTimes)))
      add(Self.topicHeader, envelope.topic, to: &request, leavesOut)
      request.signing = channel.signingKeys.map { PushSigning(messageID: jobID, keys: $0) }
    }
    add(contextHeader, envelope.context, to: &request, leavesOut)
    add(owlContextHeader, envelope.owlContext, to: &request, leavesOut)
    return request
  }

  private func add(_ name: String, _ value: String, to request: inout PushRequest, _ leavesOut: (String) -> Void) {
    guard !value.isEmpty else { return }
    if value.utf8.allSatisfy({ $0 != 0 && $0 != 0x0A && $0 != 0x0D }) {
      request.headers.append((name, value))
    } else {
      leavesOut(name)
    }
  }
}
