/// The keys at the top of the config file, in the order of the example file.
extension ConfigOption {
  public static let all = main + tables

  private static let port = "host:port; empty: off."

  static let main: [ConfigOption] = [
    ConfigOption(
      "QueueServerType", \.queueServerType, .oneOf("beanstalk"), effect: .none,
      "The kind of the queue servers: beanstalkd."),
    ConfigOption(
      "QueueServerAddr", \.queueServers, .queueServers(),
      "The queue servers. Every one of them is served on its own; a message goes to any that is alive."),
    ConfigOption(
      "QueueServerPoolListenConnCount", \.listenConnections, .integer(1...64, unit: "connections"),
      "Connections to each queue server that take jobs from the channels."),
    ConfigOption(
      "QueueServerPoolCmdConnCount", \.commandConnections, .integer(1...64, unit: "connections"),
      "Connections to each queue server that put, delete and kick."),
    ConfigOption(
      "MedisPerMaxConsumerQueueNum", \.maximumConsumedQueueServers, .integer(1...1024, unit: "queue servers"),
      "How many of the queue servers this instance consumes at most when instances share them out ([Etcd])."),
    ConfigOption(
      "InFlightState", \.inFlightState, .choice,
      "How a job is kept while it is worked on: buried (stays so after a crash until amender kicks it) or reserved"
        + " (goes back by itself when its connection ends, hence at once after a crash)."),
    ConfigOption("NameOfMainQueue", \.mainQueue, .tube, "The tube that producers put into."),
    ConfigOption(
      "PrefixOfChannelQueue", \.channelPrefix, .tubePrefix,
      "A channel is named <topic>/<PrefixOfChannelQueue><subscription id>."),
    ConfigOption(
      "ListenersOfMainQueue", \.mainQueueListeners, .integer(1...64, unit: "listeners"),
      "Listeners on the main queue of each queue server, with a connection each."),
    ConfigOption(
      "SendersPerChannel", \.sendersPerChannel, .integer(1...100_000, unit: "pushes"), effect: .live,
      "Pushes in flight per channel; a subscription's Concurrency wins."),
    ConfigOption(
      "MaxSendersPerChannel", \.maximumSendersPerChannel, .integer(1...100_000, unit: "pushes"), effect: .live,
      "The most that a subscription's Concurrency may be."),
    ConfigOption(
      "SendersPerRetryChannel", \.sendersPerRetryChannel, .integer(1...100_000, unit: "pushes"), effect: .live,
      "Pushes in flight per retry channel; a subscription's ConcurrencyOfRetry wins."),
    ConfigOption(
      "MaxSendersPerRetryChannel", \.maximumSendersPerRetryChannel, .integer(1...100_000, unit: "pushes"),
      effect: .live,
      "The most that a subscription's ConcurrencyOfRetry may be."),
    ConfigOption(
      "IntervalOfSendingForSendRoutine", \.sendingInterval, .milliseconds(0...3_600_000), effect: .live,
      "At least so long between the starts of two pushes of a channel; a subscription's IntervalOfSending wins."),
    ConfigOption(
      "MaxMessageProcessTime", \.maximumProcessTime, .milliseconds(1...3_600_000), effect: .live,
      "The most that a subscription's ProcessTimeout may be, and how long a stop waits for pushes in flight."),
    ConfigOption(
      "DefaultMaxMessageProcessTime", \.defaultProcessTime, .milliseconds(1...3_600_000), effect: .live,
      "How long a push may take from name resolution to the last byte; a subscription's ProcessTimeout wins."),
    ConfigOption(
      "CoeOfIntervalForRetrySendingMsg", \.retryCoefficient, .integer(0...86_400, unit: "seconds"), effect: .live,
      "A retry waits (retries so far + 1)² times this."),
    ConfigOption(
      "MaxRetryTimesOfSendingMessage", \.maximumRetries, .integer(0...1000, unit: "retries"), effect: .live,
      "After so many retries a message is given up: an EXHAUSTED record in the data log."),
    ConfigOption(
      "EnableMsgSentLog", \.logsSentMessages, .boolean, effect: .live, "Write a SENT or RESENT record for each push."),
    ConfigOption(
      "SplitLog", \.splitsLogs, .boolean, "Log files per day, <name>.<yyyy-mm-dd>.log in UTC, instead of <name>.log."),
    ConfigOption("LOG_DIR", \.logDirectory, .directory, "Where the log files info, warn, error, debug and data are."),
    ConfigOption("DATA_DIR", \.dataDirectory, .directory, "Where it keeps its state. One instance per directory."),
    ConfigOption(
      "DropMessageLogDir", \.dropLogDirectory, .directory, "Where messages go that a subscription's drop policy drops."),
    ConfigOption(
      "DAEMON_USER", \.daemonUser, .text("the name of a user, or empty"),
      "Run as this user once the directories are made."),
    ConfigOption("PidFile", \.pidFile, .absolutePathOrEmpty, "Write the process id here; empty: nowhere."),
    ConfigOption(
      "RECEPTION_ENV", \.receptionEnvironment, .text(), effect: .live,
      "Where URLs of a subscription are tagged [T_ENV:<this name>], only these are used."),
    ConfigOption(
      "RunAtBench", \.runsAtBench, .boolean, "A stress-test instance: serves only subscriptions with ReceiveBenchMsgs."),
    ConfigOption(
      "MsgQueueFaultToleranceListNamePrefix", \.recoverListPrefix,
      .text("1 ... 200 bytes") { (1...200).contains($0.utf8.count) },
      "How the names of the recover lists in Redis begin."),
    ConfigOption(
      "ListenAddr", \.rpcAddress, .address, "The control panel's protocol. " + port + " Guarded by [Rpc] AllowFrom."),
    ConfigOption("DebugAddr", \.debugAddress, .address, "The running state as JSON. " + port),
    ConfigOption(
      "StatisticApiAddr", \.statisticsAddress, .address,
      "The console with commands by the minute: see Docs/statistics.md. " + port + " Guarded by [Rpc] AllowFrom."),
    ConfigOption(
      "PrometheusApiAddr", \.prometheusAddress, .address,
      "Metrics for Prometheus and push statistics, for everybody who can reach it: see Docs/statistics.md. " + port),
    ConfigOption(
      "GlobalMessageBlockedAlertThreshold", \.globalBlockedThreshold, .integer(0...1_000_000_000, unit: "messages"),
      effect: .live,
      "Alert when all channels together hold more than this; 0: off."),
    ConfigOption(
      "GlobalMessageBlockedAlarmInterval", \.globalBlockedAlarmInterval, .seconds(1...604_800), effect: .live,
      "At most one such alert in this time."),
    ConfigOption(
      "NameOfMainQueueBlockedAlertThreshold", \.mainQueueBlockedThreshold,
      .integer(0...1_000_000_000, unit: "messages"),
      effect: .live, "Alert when the main queue holds more than this; 0: off."),
    ConfigOption(
      "DefaultAlarmReceiver", \.defaultAlarmReceiver, .text(), effect: .live,
      "Who gets the alerts of subscriptions that name nobody."),
    ConfigOption(
      "DefaultAlarmChan", \.defaultAlarmChannel, .text(), effect: .live,
      "Over which channel of the alarm platform they get them."),
  ]
}
