import MEDCore
import MEDCurl

/// Email or SMS by way of a gateway that takes forms (SPEC §15): one request a recipient, taken when it is answered with
/// status 200 and `AckStr`.
struct FormGateway: AlertGateway {
  /// For the whole exchange.
  static let timeout = Duration.seconds(5)

  let kind: TemplateFiles.Kind
  let settings: @Sendable () -> AlertGatewaySettings
  let templates: TemplateFiles
  let caller: HTTPCaller
  var timeout = FormGateway.timeout

  var isConfigured: Bool { !settings().gateway.isEmpty }

  func send(_ parcel: AlertParcel) async -> AlertOutcome {
    let settings = settings()
    let template = await templates.template(kind, in: settings.templateRootPath)
    let fields = settings.fields(of: parcel, content: template.filled(parcel.alert, from: settings.from))
    let body = fields.map { "\(AdminClient.encoded($0.name))=\(AdminClient.encoded($0.value))" }.joined(separator: "&")
    let request = HTTPRequest(
      .post, url: settings.gateway, body: Array(body.utf8), contentType: "application/x-www-form-urlencoded",
      timeout: timeout, concurrency: 4)
    return GatewayAnswer(await caller.send(request), settings).outcome { response in
      response.status == 200 && GatewayAnswer.isAcknowledgement(response.body, settings.acknowledgement)
    }
  }
}

extension AlertGatewaySettings {
  /// What the gateway is told, by the names that `PostFieldsMap` gives; a field with an empty name is left out.
  func fields(of parcel: AlertParcel, content: String) -> [(name: String, value: String)] {
    [
      (fields.user, user), (fields.password, password), (fields.from, from), (fields.subject, parcel.alert.subject),
      (fields.recipient, parcel.recipient), (fields.content, content),
    ].filter { !$0.0.isEmpty }
  }
}

/// What a gateway has answered.
struct GatewayAnswer {
  /// Of an answer, for people.
  private static let shownBytes = 200

  private let answer: HTTPAnswer
  private let settings: AlertGatewaySettings

  init(_ answer: HTTPAnswer, _ settings: AlertGatewaySettings) {
    self.answer = answer
    self.settings = settings
  }

  /// Spaces and line ends around it don't matter: neither can stand in a config file.
  static func isAcknowledgement(_ body: [UInt8], _ expected: String) -> Bool {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    func trimmed(_ bytes: some BidirectionalCollection<UInt8>) -> [UInt8] {
      Array(bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
    return trimmed(body) == trimmed(expected.utf8)
  }

  func outcome(_ isSuccess: (HTTPResponse) -> Bool) -> AlertOutcome {
    switch answer {
    case .failed(let failure):
      let problem = masked(failure.message)
      return failure.kind == .invalidURL ? .refused(problem) : .failed(problem)
    case .answered(let response) where !response.isTruncated && isSuccess(response): return .delivered
    case .answered(let response):
      let text = masked(String(decoding: response.body.prefix(Self.shownBytes), as: UTF8.self))
      let more = response.body.count > Self.shownBytes ? "…" : ""
      return .failed("HTTP status \(response.status), the answer is \(quoted(text))\(more)")
    }
  }

  /// A gateway may repeat what it was told.
  private func masked(_ text: String) -> String {
    let text = HTTPURL.masking(text, credentialsOf: settings.gateway)
    return settings.password.isEmpty ? text : text.replacing(settings.password, with: "***")
  }
}
