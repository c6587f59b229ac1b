import ArgumentParser
import MEDApp
import MEDCore

@main
struct MedctlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "medctl",
    abstract: "Publishes messages, manages subscriptions, and shows what goes on.",
    discussion: """
      Examples:
        medctl demo
        medctl receive --listen 127.0.0.1:8080
        medctl subscriptions add order_paid http://127.0.0.1:8080/orders Concurrency=10
        medctl publish order_paid '{"order": 4711}'
        medctl stats --watch
        medctl params set 352 Concurrency=50
        medctl failures list --state given_up
        medctl alert test --subscription 352
        medctl log /var/log/medispatcher/data.log --kind EXHAUSTED
        medctl replay /var/log/medispatcher/data.log --dry-run

      Exit codes: 0 done, 1 failed, 64 usage, 78 config.
      """,
    version: BuildInformation.current.description,
    subcommands: [
      PublishCommand.self, SubscriptionsCommand.self, ParamsCommand.self, StatsCommand.self, QueuesCommand.self,
      FailuresCommand.self, LogCommand.self, ReplayCommand.self, KickCommand.self, QueuesCommand.Clean.self,
      HealthCommand.self,
      AlertCommand.self, AlarmsCommand.self, CacheCommand.self, ReceiveCommand.self, SchemaCommand.self,
      DemoCommand.self,
    ])

  /// A pipe whose reader has seen enough ends a command quietly: `medctl stats | head`.
  static func main() {
    Terminal.ignoreBrokenPipes()
    main(nil)
  }
}

/// `-f FILE`, for every command that needs the config file.
struct ConfigOptions: ParsableArguments {
  @Option(
    name: [.customShort("f"), .customLong("config")],
    help: ArgumentHelp("The dispatcher's config file.", valueName: "file"), completion: .file(extensions: ["toml"]))
  var file = Configuration.defaultPath

  /// - Throws: exit code 78 after saying what is wrong.
  func load() throws -> Settings {
    do {
      return try Configuration.load(file).settings
    } catch {
      printError(error.description)
      throw ExitCode(ExitStatus.configuration.rawValue)
    }
  }

  /// - Returns: the one named, or all.
  /// - Throws: ``UsageError`` if it isn't one of the config file.
  func servers(_ name: String?, of settings: Settings) throws -> [QueueServerAddress] {
    guard let name else { return settings.queueServers }
    guard let address = QueueServerAddress(name), settings.queueServers.contains(address) else {
      throw UsageError("\(name) is none of the queue servers of \(file)")
    }
    return [address]
  }
}

/// Runs `body`; what it throws is shown in one line, with exit code 1, or 64 if the arguments were wrong.
func failing<Result>(_ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let code as ExitCode {
    throw code
  } catch let usage as UsageError {
    throw ValidationError(usage.description)
  } catch is Terminal.ReaderHasGone {
    throw ExitCode(ExitStatus.success.rawValue)
  } catch {
    printError("medctl: \(error)")
    throw ExitCode(ExitStatus.failure.rawValue)
  }
}

/// What a shell may offer; the command line so far may name the config file.
extension CompletionKind {
  static var topics: CompletionKind { .custom { words, _, prefix in CompletionWords.topics(words, prefix: prefix) } }
  static var subscriptionIDs: CompletionKind {
    .custom { words, _, prefix in CompletionWords.subscriptionIDs(words, prefix: prefix) }
  }
  static var tubes: CompletionKind { .custom { words, _, prefix in CompletionWords.tubes(words, prefix: prefix) } }
  static var queueServers: CompletionKind {
    .custom { words, _, prefix in CompletionWords.queueServers(words, prefix: prefix) }
  }
}
