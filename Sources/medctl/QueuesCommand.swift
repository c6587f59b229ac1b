import ArgumentParser
import MEDApp
import MEDCore

struct QueuesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queues",
    abstract: "Shows, empties and kicks tubes through a running dispatcher.",
    discussion: """
      Without a dispatcher: medctl stats shows them, medctl kick kicks one.

      Examples:
        medctl queues list
        medctl queues kick order_paid/sub-queue/352
        medctl queues clean order_paid/sub-queue/352/FAIL
      """,
    subcommands: [List.self, Clean.self, Kick.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Shows the tubes of all queue servers, in the order of their names.",
      discussion: """
        Exit code 1 if a queue server could not be asked.

        Examples:
          medctl queues list
          medctl queues list --prefix order_paid/ --server 127.0.0.1:11300
          medctl queues list --json | jq '.queues[] | select(.buried > 0)'
        """)

    @OptionGroup var admin: AdminOptions

    @Option(help: ArgumentHelp("Only tubes whose names begin so.", valueName: "text"), completion: .tubes)
    var prefix: String?

    @Option(help: ArgumentHelp("Only on this queue server.", valueName: "host:port"), completion: .queueServers)
    var server: String?

    @Option(help: ArgumentHelp("Only tubes with greater names: the last one of the page before.", valueName: "tube"))
    var after: String?

    @Option(help: "Names at most, 1 ... 500.")
    var limit = 100

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      let client = try admin.client()
      let isComplete = try failing {
        let answer = try client.send(
          .get, "/queues",
          query: [("prefix", prefix), ("server", server), ("after", after), ("limit", "\(limit)")])
        let text = json ? String(decoding: answer.bytes, as: UTF8.self) : AdminTexts.queues(answer.json)
        try Terminal.show(text + "\n")
        if !json, case .string(let next) = answer.json["next"] { printError("there are more: --after \(next)") }
        guard case .array(let servers) = answer.json["servers"] else { return true }
        return servers.allSatisfy { $0["error"] == .null }
      }
      if !isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
    }
  }

  struct Clean: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "clean",
      abstract: "Empties a tube: its messages are gone for good.",
      discussion: """
        By a running dispatcher: what was in it at the beginning, buried and delayed jobs too. It goes on behind; --callback \
        is told how far it is. medctl clean is the same.

        Examples:
          medctl queues clean order_paid/sub-queue/352
          medctl queues clean order_paid/sub-queue/352/FAIL --server 127.0.0.1:11300 --json
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The tube.", completion: .tubes)
    var tube: String

    @Option(
      help: ArgumentHelp("Only on this queue server; may be repeated.", valueName: "host:port"),
      completion: .queueServers)
    var server: [String] = []

    @Option(help: ArgumentHelp("Is told how far it is, by GET.", valueName: "url"))
    var callback: String?

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      var members: [String: JSONValue] = ["tube": .string(tube)]
      if !server.isEmpty { members["servers"] = .array(server.map { .string($0) }) }
      members["callback"] = callback.map { .string($0) }
      try admin.show(.post, "/queues/clean", .object(members), asJSON: json) { _ in "\(tube) is being emptied" }
    }
  }

  struct Kick: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "kick",
      abstract: "Gives the buried jobs of a tube back: they become ready again.",
      discussion: """
        As medctl kick does, by the dispatcher: a tube that somebody watches is refused, and no delayed job is woken. Exit \
        code 1 if not all was done.

        Examples:
          medctl queues kick order_paid/sub-queue/352
          medctl queues kick main-incoming-queue --even-watched --count 10 --json
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The tube.", completion: .tubes)
    var tube: String

    @Option(help: ArgumentHelp("Only on this queue server.", valueName: "host:port"), completion: .queueServers)
    var server: String?

    @Option(help: "Kick so many jobs at most, 1 ... 1000000000.")
    var count: Int?

    @Flag(help: "Kick also where somebody watches the tube.")
    var evenWatched = false

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      var members: [String: JSONValue] = ["tube": .string(tube), "even_watched": .boolean(evenWatched)]
      members["server"] = server.map { .string($0) }
      members["count"] = count.map { .integer($0) }
      let client = try admin.client()
      let isComplete = try failing {
        let answer = try client.send(.post, "/queues/kick", .object(members))
        try Terminal.show(
          (json ? String(decoding: answer.bytes, as: UTF8.self) : AdminTexts.kick(answer.json)) + "\n")
        return answer.json["complete"] == .boolean(true)
      }
      if !isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
    }
  }
}
