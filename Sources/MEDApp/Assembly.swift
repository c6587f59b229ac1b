import Glibc
import Logging
import MEDAdmin
import MEDBeanstalk
import MEDCore
import MEDCurl
import MEDMySQL
import MEDPush
import MEDRPC
import MEDRedis
import MEDSQLite
import ServiceLifecycle

/// Config file → objects → services: the one place that knows all parts of `medispatcher`.
public enum Assembly {
  /// What `medispatcher` runs. Stopped in reverse order: the DATA log outlives whoever writes to it.
  @Sendable
  public static func services(_ context: RunContext) async throws -> [any Service] {
    let settings = context.settings
    // Once more: now with the rights of DAEMON_USER.
    try context.configuration.checkFiles()
    let dataLog = FileDataLog(directory: settings.logDirectory, splitByDay: settings.splitsLogs)
    // Opens the file: a dispatcher that can't record must not start.
    try await dataLog.flush()
    let dropLog = FileDropLog(directory: settings.dropLogDirectory)
    context.hooks.onReopen {
      dataLog.reopen()
      dropLog.reopen()
    }
    let store = try store(settings, context.logs)
    let alarms = DefaultAlarms(directory: settings.dataDirectory, logger: context.logger)
    let alerting = try alertAssembly(context)
    let alerts = Alerts(
      alerting.gateways, settings: settings.alertSettings, defaults: alarms,
      logger: context.logs.logger(label: "alerts"))
    let dispatcher = Dispatcher(
      configuration: try dispatcherConfiguration(settings),
      queue: BeanstalkQueue(
        servers: settings.queueServers, configuration: queueConfiguration(settings, context.logs)),
      pusher: CurlPusher(
        configuration: pushConfiguration(settings), logger: context.logs.logger(label: "push")),
      subscriptions: store, dataLog: dataLog, dropLog: dropLog, failureLog: store, alerts: alerts,
      recoverLists: try recoverLists(settings, context.logs), logger: context.logger)
    context.hooks.onReload { settings in
      alerts.configure(settings.alertSettings)
      // The name of the main queue was checked when the file was read, and isn't taken here.
      guard let configuration = try? dispatcherConfiguration(settings) else { return }
      await dispatcher.reconfigure(configuration)
    }
    let cleaner = TopicCleaner(
      callbacks: callbackConfiguration(settings), logger: context.logs.logger(label: "cleaning"))
    let control = Control(
      dispatcher, store: store, alarms: alarms,
      queueServers: settings.queueServers, cleaner: cleaner, failures: store as? any FailureLogReader, alerts: alerts,
      logger: context.logs.logger(label: "control"))
    let rpc = try rpcServer(control, context)
    return [
      ClosingService { try await dataLog.close() }, ClosingService { await dropLog.close() },
      ClosingService { await store.close() }, ClosingService { await alerting.close() }, alerts, dispatcher, cleaner,
    ]
      + (try debugServer(dispatcher, rpc, context)) + (rpc.map { [$0] } ?? [])
      + (try adminServer(dispatcher, control, rpc, context)) + (try metricsServer(dispatcher, rpc, context))
      + (try statisticsConsole(rpc, context))
  }

  /// Gateways as the config file has them at the moment.
  private static func alertAssembly(_ context: RunContext) throws -> AlertAssembly {
    let live = context.live
    return try AlertAssembly(
      callbackConfiguration(context.settings), logger: context.logs.logger(label: "alerts"),
      settings: { live.current })
  }

  /// The control panel's protocol on ListenAddr.
  private static func rpcServer(_ control: Control, _ context: RunContext) throws -> RPCServer? {
    guard let address = context.settings.rpcAddress else { return nil }
    try checkFree(address, "ListenAddr")
    var limits = RPCLimits()
    // Whatever clients do, descriptors are left for queue servers and subscribers.
    limits.connections = min(limits.connections, DescriptorLimit.current / 2)
    return RPCServer(
      "ListenAddr", host: address.host, port: Int(address.port), threads: AdminServer.threads, limits: limits,
      isAllowed: admission(context.live), logger: context.logs.logger(label: "rpc")
    ) { command, arguments throws(ControlError) in
      try await control.perform(command, arguments)
    }
  }

  /// The running state as JSON on DebugAddr.
  private static func debugServer(
    _ dispatcher: Dispatcher, _ rpc: RPCServer?, _ context: RunContext
  ) throws -> [any Service] {
    guard let address = context.settings.debugAddress,
      try isFree(address, "DebugAddr", context, otherwise: "the running state isn't told")
    else { return [] }
    return [
      AdminServer(
        "DebugAddr", host: address.host, port: Int(address.port), groups: [DebugRoutes(state(dispatcher, rpc))],
        logger: context.logs.logger(label: "admin"))
    ]
  }

  /// The admin API on [Admin] Addr.
  private static func adminServer(
    _ dispatcher: Dispatcher, _ control: Control, _ rpc: RPCServer?, _ context: RunContext
  ) throws -> [any Service] {
    let settings = context.settings
    guard let address = settings.admin.address else { return [] }
    do throws(SystemError) {
      try checkFree(address, "[Admin] Addr")
    } catch {
      // Config files of an older dispatcher don't have this key: the second one on a machine goes on as it did.
      guard !context.configuration.explicit.contains("Admin.Addr") else { throw error }
      context.logger.warning(
        "there is no admin API: its default address can't be had; set [Admin] Addr to another one, or to \"\"",
        metadata: [LogKey.reason: "\(error)"])
      return []
    }
    let configuration = ConfigListing(configuration: context.configuration, live: context.live)
    var sources = AdminAPI.Sources(
      control: control, dispatcher: dispatcher, queues: BeanstalkQueues(settings.queueServers),
      configuration: { configuration.json })
    sources.version = BuildInformation.current.version
    sources.state = state(dispatcher, rpc)
    sources.metrics = metrics(dispatcher, rpc)
    return [
      AdminServer(
        "[Admin] Addr", host: address.host, port: Int(address.port), groups: [AdminAPI(sources)],
        access: AccessRules(token: settings.admin.token, isOpenToOthers: !address.isLoopback), limits: .forAPI,
        logger: context.logs.logger(label: "admin"))
    ]
  }

  private static func state(
    _ dispatcher: Dispatcher, _ rpc: RPCServer?
  ) -> @Sendable () async -> DispatcherState? {
    {
      var state = await dispatcher.state()
      state?.version = BuildInformation.current.version
      state?.rpc = rpc?.state
      return state
    }
  }

  /// An address that is in use must be known before anything is taken from a queue.
  static func checkFree(_ address: ListenAddress, _ key: String) throws(SystemError) {
    do { close(try listenTCP(address)) } catch { throw SystemError(message: "\(key): \(error)") }
  }

  static func store(_ settings: Settings, _ logs: Logs) throws -> any DispatcherStore {
    if settings.storeType == .mysql { return try MySQLStore(settings.mysql, logger: logs.logger(label: "store")) }
    // Where an earlier run has left its state there was a file: an empty one in its place would say that there are no
    // subscriptions, and their messages would be deleted. Until it is brought back the last known state counts.
    let snapshot = settings.dataDirectory + "/" + SubscriptionDirectory.snapshotFileName
    return SQLiteStore(
      path: settings.storePath, createsFile: access(snapshot, F_OK) != 0, logger: logs.logger(label: "store"))
  }

  /// nil without [Redis] Addr: then no Redis is ever connected to.
  static func recoverLists(_ settings: Settings, _ logs: Logs) throws -> RedisRecoverLists? {
    guard !settings.redis.addresses.isEmpty else { return nil }
    return try RedisRecoverLists(
      RedisConfiguration(
        addresses: settings.redis.addresses, password: settings.redis.password,
        databaseIndex: settings.redis.databaseIndex),
      prefix: settings.recoverListPrefix, logger: logs.logger(label: "recovery"))
  }

  static func dispatcherConfiguration(_ settings: Settings) throws(SystemError) -> DispatcherConfiguration {
    guard let mainQueue = TubeName(settings.mainQueue) else {
      throw SystemError(message: "NameOfMainQueue: \(quoted(settings.mainQueue)) is not the name of a tube")
    }
    var configuration = DispatcherConfiguration(mainQueue: mainQueue)
    configuration.listenersOfMainQueue = settings.mainQueueListeners
    configuration.channelPrefix = settings.channelPrefix
    configuration.kicksOrphansAtStart = settings.recovery.kicksOrphansAtStart
    configuration.takesPerServer = settings.listenConnections
    configuration.defaults = settings.subscriptionDefaults
    configuration.retrySchedule = RetrySchedule(
      coefficient: UInt32(clamping: settings.retryCoefficient),
      maximumRetries: UInt64(clamping: settings.maximumRetries))
    configuration.logsSentMessages = settings.logsSentMessages
    configuration.contextHeader = settings.push.contextHeader
    configuration.owlContextHeader = settings.push.owlContextHeader
    configuration.receptionEnvironment = settings.receptionEnvironment
    configuration.runsAtBench = settings.runsAtBench
    configuration.refreshInterval = settings.store.refreshInterval
    configuration.dataDirectory = settings.dataDirectory
    return configuration
  }

  static func queueConfiguration(_ settings: Settings, _ logs: Logs) -> BeanstalkConfiguration {
    var configuration = BeanstalkConfiguration()
    configuration.commandConnections = settings.commandConnections
    configuration.takeConnections = settings.listenConnections
    configuration.inFlightState = settings.inFlightState
    configuration.logger = logs.logger(label: "beanstalk")
    return configuration
  }

  /// Callbacks of commands, and alerts, go where pushes may go, and by the same way.
  static func callbackConfiguration(_ settings: Settings) -> HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.userAgent = "MEDispatcher/\(BuildInformation.current.version)"
    configuration.verifiesCertificates = settings.push.verifiesTLS
    configuration.caFile = settings.push.caFile.isEmpty ? nil : settings.push.caFile
    configuration.proxy = settings.push.proxy.isEmpty ? nil : settings.push.proxy
    configuration.deniedNetworks = settings.push.deniedNetworks
    return configuration
  }

  static func pushConfiguration(_ settings: Settings) -> PushConfiguration {
    var configuration = PushConfiguration()
    configuration.userAgent = "MEDispatcher/\(BuildInformation.current.version)"
    configuration.verifyTLS = settings.push.verifiesTLS
    configuration.caFile = settings.push.caFile.isEmpty ? nil : settings.push.caFile
    configuration.proxy = settings.push.proxy.isEmpty ? nil : settings.push.proxy
    configuration.maxResponseBytes = settings.push.maximumResponseBytes
    configuration.denyNetworks = settings.push.deniedNetworks
    return configuration
  }
}

/// Does nothing until the stop, then closes something.
private struct ClosingService: Service {
  let close: @Sendable () async throws -> Void

  init(_ close: @escaping @Sendable () async throws -> Void) { self.close = close }

  func run() async throws {
    try await gracefulShutdown()
    try await close()
  }
}
