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
    return GatewayAnswer(await caller.send(request)).outcome(hiding: GatewaySecrets(settings, parcel)) { response in
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
  private let answer: HTTPAnswer

  init(_ answer: HTTPAnswer) { self.answer = answer }

  /// Spaces and line ends around it don't matter: neither can stand in a config file.
  static func isAcknowledgement(_ body: [UInt8], _ expected: String) -> Bool {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    func trimmed(_ bytes: some BidirectionalCollection<UInt8>) -> [UInt8] {
      Array(bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
    return trimmed(body) == trimmed(expected.utf8)
  }

  func outcome(hiding secrets: GatewaySecrets, _ isSuccess: (HTTPResponse) -> Bool) -> AlertOutcome {
    switch answer {
    case .failed(let failure):
      let problem = secrets.hidden(in: failure.message)
      return failure.kind == .invalidURL ? .refused(problem) : .failed(problem)
    case .answered(let response) where !response.isTruncated && isSuccess(response): return .delivered
    case .answered(let response):
      let text = secrets.hidden(in: String(decoding: response.body, as: UTF8.self))
      return .failed("HTTP status \(response.status), the answer is \(shown(text))")
    }
  }

  private func shown(_ text: String) -> String {
    text.count > GatewaySecrets.shown ? quoted(String(text.prefix(GatewaySecrets.shown))) + "…" : quoted(text)
  }
}

/// What a gateway was told and may repeat, and what no log must hold.
struct GatewaySecrets {
  /// Characters of what a gateway says, for people.
  static let shown = 200

  private let settings: AlertGatewaySettings
  private let texts: [String]

  init(_ settings: AlertGatewaySettings, _ parcel: AlertParcel) {
    self.settings = settings
    // What is shorter stands everywhere.
    let texts = [settings.password, parcel.recipient].filter { $0.count >= 3 }
    self.texts = texts + texts.map(AdminClient.encoded)
  }

  func hidden(in text: String) -> String {
    texts.reduce(HTTPURL.masking(text, credentialsOf: settings.gateway)) { $0.replacing($1, with: "***") }
  }
}

extension AlertOutcome {
  /// The same without what must not be told.
  func hiding(_ secrets: GatewaySecrets) -> AlertOutcome {
    switch self {
    case .delivered: .delivered
    case .failed(let text): .failed(secrets.hidden(in: text))
    case .refused(let text): .refused(secrets.hidden(in: text))
    }
  }
}
