import ArgumentParser
import MEDApp
import MEDCore

struct SubscriptionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subscriptions",
    abstract: "Shows, adds, changes and cancels subscriptions.",
    discussion: """
      With a token ([Admin] Token, MEDISPATCHER_ADMIN_TOKEN or --token-file) a running dispatcher is asked, and changes \
      are in force at once. Without one, or if none listens at [Admin] Addr, the store itself is read and written, and a \
      dispatcher follows within [Store] RefreshInterval. With --admin nothing else is tried.

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

    @OptionGroup var admin: AdminOptions

    @Flag(help: "Print the subscriptions as JSON.")
    var json = false

    func run() throws {
      let place = try admin.place()
      try failing {
        let all = try place.do {
          try AdminSubscriptions($0).list()
        } inStore: { settings in
          try runBlocking { try await StoreAccess.with(settings) { try await $0.listSubscriptions() } }
        }
        try Terminal.show((json ? SubscriptionListing.json(all) : SubscriptionListing.text(all)) + "\n")
      }
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Adds a subscription of a topic.",
      discussion: """
        Everything with = after a plain name is a parameter, the rest are URLs, each maybe with a [T_ENV:name] tag.

        Examples:
          medctl subscriptions add order_paid http://127.0.0.1:8080/orders
          medctl subscriptions add order_paid http://a.example/in http://b.example/in Concurrency=10 ProcessTimeout=3000
        """)

    @OptionGroup var admin: AdminOptions

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
      let place = try admin.place()
      try failing {
        let given = try NewSubscription(values)
        if let table = place.table {
          for (name, text) in given.parameters { try ParameterChange.check(name, text, table) }
        }
        let id = try place.do {
          try AdminSubscriptions($0).add(
            topic: topic, urls: given.urls, subscriber: subscriber, parameters: given.parameters)
        } inStore: { settings in
          try runBlocking { [topic, subscriber] in
            try await StoreAccess.with(settings) { store in
              try await store.addSubscription(
                topic: topic, urls: given.urls, subscriber: subscriber, parameters: given.parameters)
            }
          }
        }
        print(json ? #"{"id":\#(id)}"# : "subscription \(id) of \(topic) added")
      }
    }
  }
}

/// URLs and parameters as they stand on the command line, told apart.
private struct NewSubscription: Sendable {
  var urls: [String] = []
  var parameters: [String: String] = [:]

  init(_ values: [String]) throws {
    for value in values {
      if let (name, text) = ParameterChange.split(value) { parameters[name] = text } else { urls.append(value) }
    }
    if urls.isEmpty { throw UsageError("A subscription needs at least one URL.") }
  }
}
