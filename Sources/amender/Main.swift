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
      Delayed jobs stay delayed. Watched tubes are skipped and named: a living dispatcher works on them, and its jobs would \
      be pushed twice. The tube default, which every connection watches, is left out.

      Of the config file QueueServerAddr alone is needed: any dispatcher's file will do, and no directory, database or \
      other server is touched.

      Examples:
        amender -f /etc/medispatcher.toml --dry-run
        amender -f /etc/medispatcher.toml
        amender -f /etc/medispatcher.toml --tube 'order_paid/*' --server 10.0.0.7:11300
        amender -f /etc/medispatcher.toml --tube main-incoming-queue --even-watched --json

      Ctrl-C ends it after the batches that are under way, and what was done is shown; a second one ends it at once.

      Exit codes: 0 all done (watched tubes may have been skipped), 1 something failed, was interrupted, or no tube \
      matches a --tube (the rest is still done), 64 usage, 78 config.
      """,
    version: BuildInformation.current.description)

  @Option(
    name: [.customShort("f"), .customLong("config")], help: "The config file.", completion: .file(extensions: ["toml"]))
  var file = Configuration.defaultPath

  @Option(
    name: .customShort("c"),
    help: ArgumentHelp("Tubes worked on at the same time on each queue server, 1 ... 64.", valueName: "concurrency"))
  var concurrency = 16

  @Flag(help: "Show what would be done.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "Only tubes whose names match: * any characters, ? any one, [a-z] one of these. May be given several times.",
      valueName: "pattern"),
    completion: .custom { words, _, prefix in CompletionWords.tubes(words, prefix: prefix) })
  var tube: [String] = []

  @Option(
    help: ArgumentHelp(
      "Only this queue server of the config file. May be given several times.", valueName: "host:port"),
    completion: .custom { words, _, prefix in CompletionWords.queueServers(words, prefix: prefix) })
  var server: [String] = []

  @Flag(help: "Kick in watched tubes too.")
  var evenWatched = false

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    guard (1...64).contains(concurrency) else { throw ValidationError("-c must be 1 ... 64") }
    guard !tube.contains("") else { throw ValidationError("--tube must not be empty") }
    guard !tube.contains("default") else {
      throw ValidationError("The tube default is left out: every connection watches it.")
    }
  }

  func run() throws {
    let configuration = try loadOrExit()
    var request = AmendRequest(servers: try wanted(of: configuration.servers))
    request.patterns = tube.map(TubePattern.init)
    request.concurrency = concurrency
    request.isDryRun = dryRun
    request.includesWatched = evenWatched
    do {
      let report = try AmendRun.run(request)
      try Terminal.show((json ? report.json : report.text) + "\n")
      if !report.isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
    } catch let code as ExitCode {
      throw code
    } catch is Terminal.ReaderHasGone {
      return
    } catch {
      printError("amender: \(error)")
      throw ExitCode(ExitStatus.failure.rawValue)
    }
  }

  private func wanted(of servers: [QueueServerAddress]) throws -> [QueueServerAddress] {
    guard !server.isEmpty else { return servers }
    return try server.map { text in
      guard let address = QueueServerAddress(text), servers.contains(address) else {
        throw ValidationError("\(text) is none of the queue servers of \(file)")
      }
      return address
    }
  }

  private func loadOrExit() throws -> QueueServerConfiguration {
    do throws(ConfigurationError) {
      let configuration = try QueueServerConfiguration.load(file)
      if !configuration.isExplicit {
        let servers = configuration.servers.map(\.description).joined(separator: ",")
        printError("amender: \(file) has no QueueServerAddr: \(servers) is taken")
      }
      if configuration.otherErrors > 0 {
        printError(
          "amender: \(file) has errors that don't matter here; medispatcher --check-config names them")
      }
      return configuration
    } catch {
      printError(error.description)
      throw ExitCode(ExitStatus.configuration.rawValue)
    }
  }

  /// Signals are blocked before there is a second thread: one of its own takes them.
  static func main() {
    SignalThread.block()
    main(nil)
  }
}
