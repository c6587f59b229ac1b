import Foundation
import Logging
import MEDApp
import MEDSQLite
import MEDTestSupport
import TestStage

/// Everything that can be hit: queue servers, dispatcher, receiver, and the disk of the logs.
final class ChaosStage {
  /// A server's time-out for a push; a stop that lasts about as long is avoided.
  static let pushTimeout = Duration.seconds(2)

  let base: Stage
  let behaviour: BehaviourFile
  let record: String
  /// Nil without the rights to mount one.
  private(set) var disk: SmallDisk?
  private let options: ChaosOptions
  private let receiverPort: UInt16
  private(set) var receiver: ChildProcess?

  init(_ options: ChaosOptions) throws {
    self.options = options
    // From the third binlog file on beanstalkd compacts, and it unlinks the oldest file before it has written that file's
    // last job anew (1.12): one that is killed in between loses it. So files are large enough for a run, which leaves only
    // those that a restart begins, and who kills a server looks at their number (``mayKill(_:)``).
    // They never sync (-F): what was written outlives the process, and only a power cut would need more, at a hundred times
    // the cost of each command.
    let binlogSize = max(16 << 20, options.messages * 4_096)
    base = try Stage(
      "chaos", servers: 2, serverArguments: ["-F", "-s", "\(binlogSize)"], dispatcher: options.dispatcher)
    receiverPort = try FreePort.next()
    record = base.file("pushes.record")
    behaviour = try BehaviourFile(base.file("behaviour"))
    for subscription in 0..<Subscriptions.count { behaviour.set(.proper, towards: subscription) }
    let logs = base.file("log")
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    disk = geteuid() == 0 ? try? SmallDisk(logs, kilobytes: 65_536) : nil
    try base.writeConfig(
      [
        "MaxRetryTimesOfSendingMessage": "\(options.retries)", "SendersPerChannel": "20",
        "MaxSendersPerChannel": "20", "SendersPerRetryChannel": "10",
        "DefaultMaxMessageProcessTime": "\(Int(Self.pushTimeout / .milliseconds(1)))",
        "InFlightState": options.mode.buries ? "\"buried\"" : "\"reserved\"",
      ], tables: options.mode == .kickAtStart ? "\n[Recovery]\nKickOrphansAtStart = true\n" : "")
    try subscribe()
    try startReceiver()
    try base.startDispatcher()
  }

  /// The ids of the subscriptions, in their order.
  private(set) var subscriptionIDs: [Int] = []

  private func subscribe() throws {
    let store = SQLiteStore(path: base.storePath, logger: Logger(label: "chaos"))
    for subscription in 0..<Subscriptions.count {
      let url = "http://127.0.0.1:\(receiverPort)\(Subscriptions.path(subscription))"
      let id = try runBlocking {
        try await store.addSubscription(
          topic: Subscriptions.topic, urls: [url], subscriber: "chaos \(subscription)", parameters: [:])
      }
      subscriptionIDs.append(id)
    }
  }

  func startReceiver() throws {
    receiver = try ChildProcess(
      siblingProgram("chaos"),
      [
        ReceiverCommand.name, "--port", "\(receiverPort)", "--record", record, "--behaviour", base.file("behaviour"),
      ], log: base.file("receiver.log"), deathSignal: "KILL")
  }

  /// Gives back what a dead dispatcher left buried.
  /// - Throws: if it doesn't succeed on every queue server.
  func amend() throws {
    let program = options.dispatcher.prefix(
      upTo: options.dispatcher.lastIndex(of: "/") ?? options.dispatcher.startIndex)
    let amender = try ChildProcess(
      program + "/amender", ["-f", base.configPath], log: base.file("amender.log"), deathSignal: "KILL")
    let deadline = ContinuousClock.now + .seconds(60) * Patience.factor
    while amender.isRunning, ContinuousClock.now < deadline { usleep(1_000) }  // why: a child's end has no descriptor
    guard amender.exitStatus == 0 else {
      throw Unexpected(description: "amender ended with \(amender.exitStatus.map { "\($0)" } ?? "nothing")")
    }
  }

  /// Whether the server's binlog is where a kill can't cost a job; see `init`.
  func mayKill(_ server: Int) -> Bool { base.binlogFiles(server) < 3 }

  func end() {
    base.dispatcher?.crash()
    receiver?.crash()
    base.end()
  }

  /// What is on the small disk goes with it.
  func keepFiles() {
    guard disk != nil else { return }
    let (logs, kept) = (base.file("log"), base.file("kept"))
    try? FileManager.default.copyItem(atPath: logs, toPath: kept)
    disk = nil
    try? FileManager.default.removeItem(atPath: logs)
    try? FileManager.default.moveItem(atPath: kept, toPath: logs)
  }

  func removeFiles() {
    disk = nil
    base.removeFiles()
  }
}
