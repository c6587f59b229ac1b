import ArgumentParser
import MEDApp

struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Shows what is in the queues, and what a running dispatcher makes of it.",
    discussion: """
      The queue servers themselves are asked, so it works without a dispatcher; if one answers on DebugAddr, its lanes \
      and rates are shown too. Tubes with most jobs come first. "watching" counts connections that watch a tube: a \
      dispatcher that has jobs of it in hand. Exit code 1 if a queue server or the subscriptions could not be read.

      Examples:
        medctl stats
        medctl stats --watch --interval 5
        medctl stats --json | jq '.queue_servers[].tubes[] | select(.buried > 0)'
      """)

  @OptionGroup var config: ConfigOptions

  @Flag(help: "Look again and again.")
  var watch = false

  @Option(help: ArgumentHelp("With --watch: seconds between two looks, 1 ... 3600.", valueName: "s"))
  var interval = 2

  @Option(help: "Rows of each table at most, 1 ... 100000 (default: what fits, or 40).")
  var rows: Int?

  @Flag(help: "Print everything as JSON, one object in one line for each look.")
  var json = false

  func validate() throws {
    guard (1...3600).contains(interval) else { throw ValidationError("--interval must be 1 ... 3600") }
    if let rows, !(1...100_000).contains(rows) { throw ValidationError("--rows must be 1 ... 100000") }
  }

  func run() throws {
    let settings = try config.load()
    var options = StatsRun.Options()
    options.isJSON = json
    options.interval = watch ? .seconds(interval) : nil
    options.rows = rows
    let isComplete = try failing { try StatsRun(settings, options).run() }
    if !isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
  }
}
