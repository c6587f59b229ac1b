import Logging
import MEDCore
import MEDCurl
import MEDLoop

/// The gateways of the config file, and the loop that their requests have for themselves.
struct AlertAssembly: Sendable {
  let gateways: AlertGateways
  private let caller: HTTPCaller
  private let loop: EventLoop

  /// - Parameters:
  ///   - http: how requests are made: what may be reached, and by which way.
  ///   - settings: those in force, asked for each alert.
  /// - Throws: `LoopError` if the system has no thread left.
  init(
    _ http: HTTPClientConfiguration, logger: Logger, settings: @escaping @Sendable () -> Settings
  ) throws(LoopError) {
    loop = try EventLoop.start(name: "alerts")
    caller = HTTPCaller(http, on: loop)
    let templates = TemplateFiles(logger: logger)
    gateways = AlertGateways(
      email: MailGateway(
        form: FormGateway(
          kind: .mail, settings: { settings().alerterEmail }, templates: templates, caller: caller)),
      sms: FormGateway(kind: .sms, settings: { settings().alerterSMS }, templates: templates, caller: caller),
      alarmPlatform: PlatformGateway(settings: { settings().alarmPlatform }, caller: caller))
  }

  /// Ends what is under way, and the thread.
  func close() async {
    await caller.close()
    loop.stop()
  }
}

extension Settings {
  /// What decides on alerts about the whole dispatcher, as the config file has it.
  var alertSettings: AlertSettings {
    var settings = AlertSettings()
    settings.receiver = defaultAlarmReceiver
    settings.channel = defaultAlarmChannel
    settings.globalBlockedThreshold = globalBlockedThreshold
    settings.globalBlockedAlarmInterval = globalBlockedAlarmInterval
    settings.mainQueueBlockedThreshold = mainQueueBlockedThreshold
    return settings
  }
}
