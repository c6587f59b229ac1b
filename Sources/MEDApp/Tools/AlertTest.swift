import Logging
import MEDCore

/// `medctl alert test` without a dispatcher: the subscription from the store, gateways from the config file.
public enum AlertTest {
  /// - Returns: what came of it, as the admin API answers.
  /// - Throws: if there is no such subscription, or what keeps the store from working.
  public static func run(_ id: Int, _ settings: Settings) async throws -> JSONValue {
    let listed = try await StoreAccess.with(settings) { try await $0.subscription(id) }
    guard let listed else {
      throw SystemError(message: "there is no subscription \(id); medctl subscriptions list shows all")
    }
    let rules = ChannelRules(
      channelPrefix: settings.channelPrefix, environment: settings.receptionEnvironment,
      runsAtBench: settings.runsAtBench, defaults: settings.subscriptionDefaults)
    let subject = AlertSubject(listed.subscription, rules)
    let logger = Logger(label: "alerts", factory: { _ in StandardErrorLog() })
    let assembly = try AlertAssembly(
      Assembly.callbackConfiguration(settings), logger: logger, settings: { settings })
    let alerts = Alerts(
      assembly.gateways, settings: settings.alertSettings,
      defaults: DefaultAlarms(directory: settings.dataDirectory, logger: logger), logger: logger)
    let record = await alerts.test(.test(subject))
    await assembly.close()
    return record.testJSON(subject)
  }
}
