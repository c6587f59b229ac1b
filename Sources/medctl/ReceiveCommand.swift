import ArgumentParser
import MEDApp

struct ReceiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receive",
    abstract: "A test subscriber: takes pushes, shows them, and answers.",
    discussion: """
      Examples:
        medctl receive
        medctl receive --listen 0.0.0.0:8080 --delay 200 --fail-every 10
        medctl receive --status 503 --quiet
      """)

  @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port"))
  var listen = "127.0.0.1:8080"

  @Option(help: ArgumentHelp("Wait so many milliseconds before each answer, 0 ... 3600000.", valueName: "ms"))
  var delay = 0

  @Option(help: "The status of the answers, 100 ... 599.")
  var status = 200

  @Option(help: ArgumentHelp("Answer every nth request of a path with 500.", valueName: "n"))
  var failEvery = 0

  @Flag(help: "Show a count each second instead of every message.")
  var quiet = false

  @Flag(help: "Show each message, or count, as a line of JSON.")
  var json = false

  func validate() throws {
    guard ListenAddress(listen) != nil else { throw ValidationError("--listen must be host:port") }
    guard (0...3_600_000).contains(delay) else { throw ValidationError("--delay must be 0 ... 3600000") }
    guard (100...599).contains(status) else { throw ValidationError("--status must be 100 ... 599") }
    guard failEvery >= 0 else { throw ValidationError("--fail-every must not be negative") }
  }

  func run() throws {
    SignalThread.block()
    var options = DemoReceiver.Options()
    options.address = ListenAddress(listen) ?? options.address
    options.delay = .milliseconds(delay)
    options.status = status
    options.failEvery = failEvery
    try failing {
      try ReceiveRun(options, isQuiet: quiet, isJSON: json).run()
    }
  }
}
