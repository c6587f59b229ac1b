import ArgumentParser
import MEDApp
import MEDCore

struct KickCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kick",
    abstract: "Gives the buried jobs of a tube back: they become ready again.",
    discussion: """
      Delayed jobs are never woken. Where a connection watches the tube nothing is kicked, because a dispatcher has the \
      buried jobs in hand then: they would be pushed twice. Exit code 1 if something failed or was left out, or if there \
      is no such tube.

      Examples:
        medctl kick order_paid/sub-queue/352
        medctl kick order_paid/sub-queue/352/FAIL --server 127.0.0.1:11300 --count 10
        medctl kick main-incoming-queue --even-watched --json
      """)

  @OptionGroup var config: ConfigOptions

  @Argument(help: "The tube.", completion: .tubes)
  var tube: String

  @Option(
    help: ArgumentHelp("Only on this queue server of the config file.", valueName: "host:port"),
    completion: .queueServers)
  var server: String?

  @Option(help: "Kick so many jobs at most, 1 ... 1000000000.")
  var count: Int?

  @Flag(help: "Kick also where somebody watches the tube.")
  var evenWatched = false

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    if let count, !(1...1_000_000_000).contains(count) { throw ValidationError("--count must be 1 ... 1000000000") }
  }

  func run() throws {
    let settings = try config.load()
    let report = try failing {
      var kick = try KickRun(tube: tube, servers: try config.servers(server, of: settings))
      kick.limit = count ?? kick.limit
      kick.includesWatched = evenWatched
      let report = try kick.run(ProgressBar("kicking"))
      try Terminal.show((json ? report.json : report.text) + "\n")
      return report
    }
    if !report.isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
  }
}
