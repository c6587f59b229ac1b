import Foundation
import MEDApp
import MEDCore

/// Queue servers, dispatcher and subscriber of a run, in a directory of their own. Used by the main thread.
final class SoakStage {
  static let mainQueue = "main-incoming-queue"

  let addresses: [QueueServerAddress]
  let receiver: DemoReceiver
  private let ledger: SoakLedger
  private let program: String
  private let directory: String
  private var servers: [ChildProcess] = []
  private var dispatcher: ChildProcess?

  init(servers count: Int, dispatcher: String, ledger: SoakLedger) throws {
    program = dispatcher
    self.ledger = ledger
    directory = NSTemporaryDirectory() + "/medispatcher-soak-\(getpid())"
    var options = DemoReceiver.Options()
    options.failEvery = 50
    receiver = try DemoReceiver(options)
    addresses = try (0..<count).map { _ in QueueServerAddress(host: "127.0.0.1", port: try freePort()) }
    try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
    for index in addresses.indices { servers.append(try startServer(index)) }
    try receiver.start { message in
      if message.isAccepted { ledger.arrive(message.body, isStable: message.path.hasPrefix("/stable")) }
    }
    try writeConfig(senders: 5)
  }

  var configPath: String { directory + "/medispatcher.toml" }
  var storePath: String { directory + "/data/medispatcher.sqlite" }

  /// What the config file says can change while it runs.
  func writeConfig(senders: Int) throws {
    let text = """
      QueueServerAddr = "\(addresses.map(\.description).joined(separator: ","))"
      SendersPerChannel = \(senders)
      MaxSendersPerChannel = 100
      SendersPerRetryChannel = 2
      CoeOfIntervalForRetrySendingMsg = 1
      EnableMsgSentLog = false
      LOG_DIR = "\(directory)/log"
      DATA_DIR = "\(directory)/data"
      DropMessageLogDir = "\(directory)/drop"
      SplitLog = false
      ListenAddr = ""
      DebugAddr = ""
      StatisticApiAddr = ""
      PrometheusApiAddr = ""

      [Admin]
      Addr = ""

      [Store]
      Type = "sqlite"
      RefreshInterval = 1

      """
    try text.write(toFile: configPath, atomically: true, encoding: .utf8)
  }

  // MARK: Queue servers

  private func startServer(_ index: Int) throws -> ChildProcess {
    guard let program = ChildProcess.find("beanstalkd") else {
      throw SystemError(message: "beanstalkd isn't installed")
    }
    let binlog = "\(directory)/binlog\(index)"
    try FileManager.default.createDirectory(atPath: binlog, withIntermediateDirectories: true)
    let address = addresses[index]
    return try ChildProcess(
      program, ["-l", address.host, "-p", "\(address.port)", "-b", binlog, "-f", "0"],
      log: "\(directory)/beanstalkd\(index).log")
  }

  /// Dies as by a crash, and is back at once, with all that it had confirmed.
  func restartServer(_ index: Int) throws {
    servers[index].stop(within: .zero)
    servers[index] = try startServer(index)
  }

  func pauseServer(_ index: Int) { kill(servers[index].processID, SIGSTOP) }
  func resumeServer(_ index: Int) { kill(servers[index].processID, SIGCONT) }

  // MARK: Dispatcher

  func startDispatcher() throws {
    dispatcher = try ChildProcess(program, ["-f", configPath], log: directory + "/medispatcher.log")
  }

  var dispatcherID: pid_t { dispatcher?.processID ?? 0 }
  var dispatcherIsRunning: Bool { dispatcher?.isRunning ?? false }

  /// The last line that it wrote to its standard error or its error log.
  var lastWords: String {
    let texts = ["/medispatcher.log", "/log/error.log"].compactMap {
      try? String(contentsOfFile: directory + $0, encoding: .utf8)
    }
    return texts.compactMap { $0.split(separator: "\n").last }.joined(separator: "; ")
  }

  /// - Returns: the exit status.
  func stopDispatcher() -> Int32 {
    dispatcher?.stop(within: .seconds(60))
    return dispatcher?.exitStatus ?? -1
  }

  /// - Returns: how many messages are missing when all has arrived, or nothing has for long enough.
  func waitForDeliveries(within limit: Duration) -> Int {
    var latest = (arrived: -1, at: ContinuousClock.now)
    while ledger.arrived < ledger.published {
      if ledger.arrived != latest.arrived { latest = (ledger.arrived, .now) }
      if ContinuousClock.now - latest.at > limit { break }
      usleep(100_000)  // why: it looks ten times a second
    }
    let missing = ledger.missing()
    if !missing.isEmpty { say("missing: \(missing.prefix(50))") }
    return missing.count
  }

  func end() {
    dispatcher?.stop(within: .seconds(60))
    for index in servers.indices {
      resumeServer(index)
      servers[index].stop(within: .seconds(5))
    }
    receiver.stop()
    try? FileManager.default.removeItem(atPath: directory)
  }
}
