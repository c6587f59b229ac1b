import ArgumentParser
import MEDApp

@main
struct MedispatcherCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "medispatcher",
    abstract: "Takes messages from beanstalkd and pushes them to their subscribers over HTTP.",
    discussion: """
      Examples:
        medispatcher --check-config -f /etc/medispatcher.toml
        medispatcher -f /etc/medispatcher.toml

      Signals: TERM, INT, QUIT stop gracefully, a second one at once. HUP reads the config file again and opens the log \
      files anew. USR1 switches debug logging on and off. A config file that has changed is also read without a signal.

      Exit codes: 0 stopped, 1 runtime error, 64 usage, 78 config.
      """,
    version: BuildInformation.current.description)

  @Option(
    name: [.customShort("f"), .customLong("config")],
    help: ArgumentHelp("The config file (default: \(Configuration.defaultPath)).", valueName: "file"),
    completion: .file(extensions: ["toml"]))
  var option: String?

  @Argument(help: ArgumentHelp("The config file, as -f.", valueName: "file"), completion: .file(extensions: ["toml"]))
  var argument: String?

  @Flag(help: "Check the config file, say what there is to say about it, and exit.")
  var checkConfig = false

  func validate() throws {
    if option != nil, argument != nil { throw ValidationError("Give the config file once, with or without -f.") }
  }

  func run() throws {
    let path = option ?? argument ?? Configuration.defaultPath
    if checkConfig {
      let report = CheckReport(path)
      print(report)
      throw ExitCode(report.isUsable ? ExitStatus.success.rawValue : ExitStatus.configuration.rawValue)
    }
    SignalThread.block()
    let configuration: Configuration
    do {
      configuration = try Configuration.load(path)
      try configuration.checkFiles()
    } catch {
      printError(error.description)
      throw ExitCode(ExitStatus.configuration.rawValue)
    }
    let status = DispatcherProcess(configuration, assemble: Assembly.services).run()
    throw ExitCode(status.rawValue)
  }
}
