import ArgumentParser
import MEDApp

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Shows a DATA log or drop log, with the messages decoded.",
    discussion: """
      Each record is a line of what it names, with its reason and its message below; with --json one object in one line. \
      Lines that are no record are named on standard error, with exit code 1 at the end. With --follow what is written is \
      shown as it comes, also after the file was renamed, truncated or, with SplitLog, followed by the next day's; Ctrl-C \
      ends that.

      Examples:
        medctl log /var/log/medispatcher/data.log
        medctl log data.2026-11-23.log --kind EXHAUSTED --topic order_paid --since 2026-11-23T04:00:00Z
        medctl log data.log --follow --kind REDISTFAIL --kind DECODERR
        medctl log subscription_352_1700000000.data --json | jq .message.body
      """)

  @Argument(help: "DATA logs and drop logs.", completion: .file())
  var files: [String]

  @OptionGroup var choice: RecordChoiceOptions

  @Flag(help: "Go on with what is written.")
  var follow = false

  @Flag(help: "Print each record as JSON.")
  var json = false

  func run() throws {
    var options = LogRun.Options()
    options.files = files
    options.follows = follow
    options.isJSON = json
    if follow { SignalThread.block() }
    let isComplete = try failing {
      options.choice = try choice.choice()
      return try LogRun(options).run()
    }
    if !isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
  }
}
