import ArgumentParser
import Foundation
import Glibc
import MEDApp

/// The process that takes the pushes: started, killed and stopped by a run, of no use alone.
struct ReceiverCommand: ParsableCommand {
  static let name = "receiver"
  static let configuration = CommandConfiguration(commandName: name)

  @Option var port: UInt16
  @Option var record: String
  @Option var behaviour: String

  func run() throws {
    SignalThread.block()
    var options = DemoReceiver.Options()
    options.address = ListenAddress(host: "127.0.0.1", port: port)
    let receiver = try DemoReceiver(options)
    try receiver.start(script: ChaosReceiver(record: record, behaviour: behaviour))
    while true { pause() }
  }
}
