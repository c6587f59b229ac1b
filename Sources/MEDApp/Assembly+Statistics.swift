import Logging
import MEDAdmin
import MEDCore
import MEDCurl
import MEDRPC
import ServiceLifecycle

/// The addresses of SPEC §9.
extension Assembly {
  /// Metrics on PrometheusApiAddr: for everybody who can reach it, since it has no password and nothing but numbers and names.
  static func metricsServer(
    _ dispatcher: Dispatcher, _ rpc: RPCServer?, _ context: RunContext
  ) throws -> [any Service] {
    guard let address = context.settings.prometheusAddress,
      try isFree(address, "PrometheusApiAddr", context, otherwise: "there are no metrics for Prometheus")
    else { return [] }
    let routes = MetricsRoutes(
      metrics: metrics(dispatcher, rpc), statistics: { await dispatcher.pushStatistics() })
    return [
      AdminServer(
        "PrometheusApiAddr", host: address.host, port: Int(address.port), groups: [routes],
        logger: context.logs.logger(label: "admin"))
    ]
  }

  /// The line console on StatisticApiAddr, for those who may speak to ListenAddr.
  static func statisticsConsole(_ rpc: RPCServer?, _ context: RunContext) throws -> [any Service] {
    guard let address = context.settings.statisticsAddress,
      try isFree(address, "StatisticApiAddr", context, otherwise: "there is no statistics console")
    else { return [] }
    let console = StatisticsConsole { rpc?.statistics }
    return [
      ConsoleServer(
        "StatisticApiAddr", host: address.host, port: Int(address.port), threads: AdminServer.threads,
        isAllowed: admission(context.live), logger: context.logs.logger(label: "rpc"), commands: console.commands)
    ]
  }

  static func metrics(
    _ dispatcher: Dispatcher, _ rpc: RPCServer?
  ) -> @Sendable () async -> DispatcherMetrics? {
    {
      guard var metrics = await dispatcher.metrics() else { return nil }
      let program = BuildInformation.current
      metrics.state.version = program.version
      metrics.build = [
        ("version", program.version), ("revision", program.gitHash ?? ""), ("built", program.built ?? ""),
        ("swift_version", program.swiftVersion),
      ]
      metrics.state.rpc = rpc?.state
      metrics.commands = (rpc?.statistics.totals ?? []).map {
        DispatcherMetrics.Command(name: $0.command, finished: $0.counts.finished, failed: $0.counts.failed)
      }
      return metrics
    }
  }

  /// Whether a peer's address is in [Rpc] AllowFrom.
  static func admission(_ live: LiveSettings) -> @Sendable (String) -> Bool {
    { peer in
      guard let peer = NetworkAddress(peer) else { return false }
      return live.current.rpc.allowedNetworks.contains { $0.contains(peer) }
    }
  }

  /// An address that the config file names must be had, or nothing starts. Files of an older dispatcher don't have every
  /// key, and the second one on a machine goes on as it did: without what its default address is for.
  /// - Returns: false: it is a default, and somebody else's. A warning says so.
  static func isFree(
    _ address: ListenAddress, _ key: String, _ context: RunContext, otherwise consequence: Logger.Message
  ) throws -> Bool {
    do throws(SystemError) {
      try checkFree(address, key)
      return true
    } catch {
      guard !context.configuration.explicit.contains(key) else { throw error }
      context.logger.warning(
        consequence, metadata: ["key": "\(key)", LogKey.reason: "its default address can't be had: \(error)"])
      return false
    }
  }
}
