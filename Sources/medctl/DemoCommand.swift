import ArgumentParser
import MEDApp
import MEDCore

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Shows the whole system at work on this machine, and counts what arrives.",
    discussion: """
      Starts beanstalkd (unless one is named), a dispatcher with two topics and three subscriptions, and a subscriber that \
      fails now and then; publishes messages and watches them arrive. Everything is in a directory of its own and gone \
      afterwards. Exits with 0 if every message arrived at every subscriber.

      Examples:
        medctl demo
        medctl demo --messages 100000
        medctl demo --beanstalkd 127.0.0.1:11300 --keep
      """)

  @Option(help: ArgumentHelp("Use this queue server instead of starting one.", valueName: "host:port"))
  var beanstalkd: String?

  @Option(help: "How many messages, 1 ... 1000000.")
  var messages = 10_000

  @Option(help: ArgumentHelp("The medispatcher to start (default: the one beside medctl).", valueName: "path"))
  var dispatcher: String?

  @Flag(help: "Leave the directory with config, store and logs.")
  var keep = false

  func validate() throws {
    guard (1...1_000_000).contains(messages) else { throw ValidationError("--messages must be 1 ... 1000000") }
    if let beanstalkd, QueueServerAddress(beanstalkd) == nil {
      throw ValidationError("--beanstalkd must be host:port")
    }
  }

  func run() throws {
    SignalThread.block()
    var options = Demo.Options()
    options.beanstalkd = beanstalkd.flatMap { QueueServerAddress($0) }
    options.messages = messages
    options.dispatcher = dispatcher ?? siblingProgram("medispatcher")
    options.keepsFiles = keep
    let status = try failing { try Demo(options, openStore: StoreAccess.open).run() }
    throw ExitCode(status.rawValue)
  }
}
