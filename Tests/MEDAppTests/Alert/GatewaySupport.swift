import Logging
import MEDCurl
import MEDLoop
import MEDTestSupport

@testable import MEDApp
@testable import MEDCore

/// Gateways on a loop of their own, with settings that a test can change.
struct GatewayStage {
  let receiver: TestReceiver
  let settings: MEDTestSupport.Locked<AlertGatewaySettings>
  let log = NotedLines()
  private let caller: HTTPCaller

  /// Runs `body` with gateways to a server of the test's.
  static func with(_ body: (GatewayStage) async throws -> Void) async throws {
    let loop = try EventLoop.start(name: "alerts")
    defer { loop.stop() }
    let caller = HTTPCaller(HTTPClientConfiguration(), on: loop)
    let receiver = try TestReceiver()
    var settings = AlertGatewaySettings()
    settings.gateway = receiver.url("/gateway")
    settings.acknowledgement = "OK"
    let stage = GatewayStage(receiver: receiver, settings: .init(settings), caller: caller)
    do { try await body(stage) } catch {
      await caller.close()
      throw error
    }
    await caller.close()
  }

  private init(receiver: TestReceiver, settings: MEDTestSupport.Locked<AlertGatewaySettings>, caller: HTTPCaller) {
    self.receiver = receiver
    self.settings = settings
    self.caller = caller
  }

  func set(_ change: (inout AlertGatewaySettings) -> Void) { settings.withLock { change(&$0) } }

  /// A gateway for forms.
  func form(_ kind: TemplateFiles.Kind = .mail, timeout: Duration = .seconds(60)) -> FormGateway {
    FormGateway(
      kind: kind, settings: { [settings] in settings.withLock { $0 } }, templates: TemplateFiles(logger: log.logger),
      caller: caller, timeout: timeout)
  }

  var mail: MailGateway { MailGateway(form: form()) }

  var platform: PlatformGateway {
    PlatformGateway(settings: { [settings] in settings.withLock { $0 } }, caller: caller)
  }

  static func parcel(
    to recipient: String = "a@x.example", subject: String = "the subject", content: String = "line 1\nline 2",
    over channel: String = ""
  ) -> AlertParcel {
    let subscription = Subscription(id: 352, topic: "order_paid", receptionChannel: "http://127.0.0.1/")
    let alert = Alert(
      .channelBlocked, about: AlertSubject(subscription, ChannelRules()), subject: subject, content: content,
      host: "10.0.0.5", time: RecordTime(microseconds: 1_795_000_000_000_000))
    return AlertParcel(alert, to: recipient, over: channel)
  }
}

extension AlertOutcome {
  /// Why it came to nothing; nil if it did not.
  var problem: String? {
    switch self {
    case .delivered: nil
    case .failed(let text), .refused(let text): text
    }
  }
}

/// Keeps what is logged.
struct NotedLines: Sendable {
  private let noted = MEDTestSupport.Locked<[String]>([])

  var lines: [String] { noted.withLock { $0 } }
  var logger: Logger { Logger(label: "test", factory: { [noted] _ in Handler(noted: noted) }) }

  private struct Handler: LogHandler {
    let noted: MEDTestSupport.Locked<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let details = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.joined(separator: " ")
      noted.withLock { $0.append("\(event.level) \(event.message) \(details)") }
    }
  }
}
