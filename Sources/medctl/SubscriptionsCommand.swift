import ArgumentParser
import MEDApp
import MEDCore

struct SubscriptionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subscriptions",
    abstract: "Shows, adds, changes and cancels subscriptions.",
    discussion: """
      Examples:
        medctl subscriptions list
        medctl subscriptions add order_paid http://127.0.0.1:8080/orders
        medctl subscriptions set 17 Concurrency=10
        medctl subscriptions cancel 17
      """,
    subcommands: [List.self, Add.self, Set.self, Cancel.self],
    defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Shows all subscriptions.",
      discussion: """
        Examples:
          medctl subscriptions list
          medctl subscriptions list --json | jq '.[] | select(.topic == "order_paid")'
        """)

    @OptionGroup var config: ConfigOptions

    @Flag(help: "Print the subscriptions as JSON.")
    var json = false

    func run() throws {
      let settings = try config.load()
      try failing {
        let all = try runBlocking { try await StoreAccess.with(settings) { try await $0.listSubscriptions() } }
        try Terminal.show((json ? SubscriptionListing.json(all) : SubscriptionListing.text(all)) + "\n")
      }
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Adds a subscription of a topic; a running dispatcher serves it within seconds.",
      discussion: """
        Everything with = after a plain name is a parameter, the rest are URLs, each maybe with a [T_ENV:name] tag.

        Examples:
          medctl subscriptions add order_paid http://127.0.0.1:8080/orders
          medctl subscriptions add order_paid http://a.example/in http://b.example/in Concurrency=10 ProcessTimeout=3000
        """)

    @OptionGroup var config: ConfigOptions

    @Argument(help: "The topic; it is made if there is none by that name.", completion: .topics)
    var topic: String

    @Argument(
      help: ArgumentHelp("URLs, and parameters as KEY=VALUE.", valueName: "url-or-parameter"),
      completion: .list(["http://", "https://"] + CompletionWords.assignments))
    var values: [String]

    @Option(help: "Whose subscription it is.")
    var subscriber = "medctl"

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
      let settings = try config.load()
      try failing {
        let given = try NewSubscription(values, settings)
        let id = try runBlocking { [topic, subscriber] in
          try await StoreAccess.with(settings) { store in
            try await store.addSubscription(
              topic: topic, urls: given.urls, subscriber: subscriber, parameters: given.parameters)
          }
        }
        print(json ? #"{"id":\#(id)}"# : "subscription \(id) of \(topic) added")
      }
    }
  }
}

/// URLs and parameters as they stand on the command line, told apart and checked.
private struct NewSubscription {
  var urls: [String] = []
  var parameters: [String: String] = [:]

  init(_ values: [String], _ settings: Settings) throws {
    let table = settings.parameterTable
    for value in values {
      guard let (name, text) = ParameterChange.split(value) else {
        urls.append(value)
        continue
      }
      try ParameterChange.check(name, text, table)
      parameters[name] = text
    }
    if urls.isEmpty { throw UsageError("A subscription needs at least one URL.") }
  }
}
