import Foundation
import MEDApp
import MEDCore
import TestStage

/// Queue servers, dispatcher and subscriber of a run. Used by the main thread.
final class SoakStage {
  let receiver: DemoReceiver
  private let ledger: SoakLedger
  private let stage: Stage

  init(servers count: Int, dispatcher: String, ledger: SoakLedger) throws {
    self.ledger = ledger
    stage = try Stage("soak", servers: count, serverArguments: ["-f", "0"], dispatcher: dispatcher)
    var options = DemoReceiver.Options()
    options.failEvery = 50
    receiver = try DemoReceiver(options)
    try receiver.start { message in
      if message.isAccepted { ledger.arrive(message.body, isStable: message.path.hasPrefix("/stable")) }
    }
    try writeConfig(senders: 5)
  }

  var addresses: [QueueServerAddress] { stage.addresses }
  var storePath: String { stage.storePath }

  /// What the config file says can change while it runs.
  func writeConfig(senders: Int) throws {
    try stage.writeConfig([
      "SendersPerChannel": "\(senders)", "MaxSendersPerChannel": "100", "SendersPerRetryChannel": "2",
    ])
  }

  /// Dies as by a crash, and is back at once, with all that it had confirmed.
  func restartServer(_ index: Int) throws {
    stage.crashServer(index)
    try stage.startServer(index)
  }

  func pauseServer(_ index: Int) { stage.pauseServer(index) }
  func resumeServer(_ index: Int) { stage.resumeServer(index) }

  func startDispatcher() throws { try stage.startDispatcher() }
  var dispatcherID: pid_t { stage.dispatcher?.processID ?? 0 }
  var dispatcherIsRunning: Bool { stage.dispatcher?.isRunning ?? false }
  var lastWords: String { stage.lastWords }

  /// - Returns: the exit status.
  func stopDispatcher() -> Int32 { stage.stopDispatcher() }

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
    stage.end()
    receiver.stop()
    stage.removeFiles()
  }
}
