import ArgumentParser
import MEDApp
import MEDCore

@main
struct AmenderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "amender",
    abstract: "Kicks the jobs that a dispatcher left buried when it died.",
    discussion: """
      On every queue server of the config file, all buried jobs of every tube that nobody watches go back to ready. \
      Watched tubes are skipped: a living dispatcher works on them, and its jobs would be pushed twice.

      Examples:
        amender -f /etc/medispatcher.toml --dry-run
        amender -f /etc/medispatcher.toml
        amender -f /etc/medispatcher.toml --tube order_paid/sub-queue/352 --even-watched

      Exit codes: 0 all done, 1 something failed (the rest is still done), 64 usage, 78 config.
      """,
    version: BuildInformation.current.description)

  @Option(
    name: [.customShort("f"), .customLong("config")], help: "The config file.", completion: .file(extensions: ["toml"]))
  var file = Configuration.defaultPath

  @Option(name: .customShort("c"), help: "Queue servers worked on at the same time, 1 ... 64.")
  var concurrency = 4

  @Flag(help: "Show what would be done.")
  var dryRun = false

  @Option(
    help: ArgumentHelp("Only this tube.", valueName: "name"),
    completion: .custom { words, _, prefix in CompletionWords.tubes(words, prefix: prefix) })
  var tube: String?

  @Option(
    help: ArgumentHelp("Only this queue server of the config file.", valueName: "host:port"),
    completion: .custom { words, _, prefix in CompletionWords.queueServers(words, prefix: prefix) })
  var server: String?

  @Flag(help: "Kick in watched tubes too.")
  var evenWatched = false

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    guard (1...64).contains(concurrency) else { throw ValidationError("-c must be 1 ... 64") }
  }

  func run() throws {
    let settings = try loadOrExit(file).settings
    var request = AmendRequest(servers: settings.queueServers)
    if let server {
      guard let address = QueueServerAddress(server), settings.queueServers.contains(address) else {
        throw ValidationError("\(server) is none of the queue servers of \(file)")
      }
      request.servers = [address]
    }
    request.tube = tube
    request.concurrency = concurrency
    request.isDryRun = dryRun
    request.includesWatched = evenWatched
    let report = Amender.run(request)
    print(json ? report.json : report.text)
    if !report.isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
  }

  private func loadOrExit(_ path: String) throws -> Configuration {
    do {
      return try Configuration.load(path)
    } catch {
      printError(error.description)
      throw ExitCode(ExitStatus.configuration.rawValue)
    }
  }
}
