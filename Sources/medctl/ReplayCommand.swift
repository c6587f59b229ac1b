import ArgumentParser
import MEDApp
import MEDCore

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Puts messages of DATA logs and drop logs back into queues, each one once.",
    discussion: """
      REDISTFAIL, EXHAUSTED and DROPPED go into their channel, DECODERR and RECOVFAIL… into the main queue (DECODERR of a \
      channel's message into that channel). EXHAUSTED gets all its retries again; jobids stay, so subscribers can tell what \
      they have seen. With --to main every subscription of the topic gets the message, under a new jobid. KICKFAIL is put \
      only with --kind KICKFAIL, as its message is still in its queue.

      How far it came is in FILE.position, on disk after each message: the same command goes on where the last one ended, \
      however it ended. Killed between a put and its note, that one message may come twice, with the same jobid. What is \
      written to FILE meanwhile is for the next run. A position belongs to a file (also once it is renamed) and to the \
      options that choose records; with others it is refused.

      Look first with --dry-run. Exit codes: 0 done, 1 something couldn't be read or put, or it had to stop, 64 usage, \
      78 config, 130 interrupted.

      Examples:
        medctl replay /var/log/medispatcher/data.log --dry-run
        medctl replay data.log --kind EXHAUSTED --topic order_paid --since 2026-11-23T04:00:00Z --rate 100
        medctl replay data.2026-11-22.log data.2026-11-23.log --position exhausted.position --kind EXHAUSTED
        medctl replay subscription_352_1700000000.data --subscription 352 --json
      """)

  @OptionGroup var config: ConfigOptions

  @Argument(help: "DATA logs and drop logs.", completion: .file())
  var files: [String]

  @OptionGroup var choice: RecordChoiceOptions

  @Option(
    help: ArgumentHelp("Put all into their channel, or all into the main queue.", valueName: "channel|main"),
    completion: .list(["channel", "main"]))
  var to: String?

  @Option(
    help: ArgumentHelp("Put only into this queue server of the config file.", valueName: "host:port"),
    completion: .queueServers)
  var server: String?

  @Option(help: ArgumentHelp("Messages a second at most, evenly spread, 1 ... 1000000.", valueName: "n"))
  var rate: Int?

  @Option(
    help: ArgumentHelp(
      "Where the position is noted, of all files (default: FILE.position of each).", valueName: "file"),
    completion: .file())
  var position: String?

  @Flag(help: "Show what would be put where, and put nothing.")
  var dryRun = false

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    if let rate, !(1...1_000_000).contains(rate) { throw ValidationError("--rate must be 1 ... 1000000") }
  }

  func run() throws {
    let settings = try config.load()
    SignalThread.block()
    let report = try failing {
      var options = ReplayRun.Options()
      options.files = files
      options.choice = try choice.choice()
      options.destination = to
      options.rate = rate
      options.position = position
      options.isDryRun = dryRun
      options.arguments = CommandLine.arguments
      let run = try ReplayRun(options, settings, servers: try config.servers(server, of: settings))
      let report = try run.run(ProgressBar(dryRun ? "reading" : "replaying"))
      try Terminal.show((json ? report.json : report.text) + "\n")
      return report
    }
    if report.status != .success { throw ExitCode(report.status.rawValue) }
  }
}
