import ArgumentParser
import MEDApp
import MEDCore

extension SubscriptionsCommand {
  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Changes parameters of a subscription.",
      discussion: """
        Parameters that aren't named keep their values. KEY= sets an empty value, --unset KEY gives back the default.

        Examples:
          medctl subscriptions set 17 Concurrency=10 ProcessTimeout=3000
          medctl subscriptions set 17 --unset ProcessTimeout
          medctl subscriptions set 17 AckMode=http --unset ReceptionUri --json
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The subscription's id.", completion: .subscriptionIDs)
    var id: Int

    @Argument(
      help: ArgumentHelp("Parameters as KEY=VALUE.", valueName: "parameter"),
      completion: .list(CompletionWords.assignments))
    var assignments: [String] = []

    @Option(
      help: ArgumentHelp("Give this parameter its default back; may be repeated.", valueName: "key"),
      completion: .list(CompletionWords.parameterNames))
    var unset: [String] = []

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
      let place = try admin.place()
      try failing {
        let change = try ParameterChange(assignments, unset: unset, table: place.table)
        let isCancelled = try place.do {
          try AdminSubscriptions($0).set(change, of: id).isCancelled
        } inStore: { settings in
          try runBlocking { [id] in try await SubscriptionTools.set(change, of: id, settings).isCancelled }
        }
        let text = json ? change.json(of: id) : change.text(of: id, isCancelled: isCancelled)
        try Terminal.show(text + "\n")
      }
    }
  }

  struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "cancel",
      abstract: "Cancels a subscription.",
      discussion: """
        What is in flight is finished. What waits in the channel stays there.

        Examples:
          medctl subscriptions cancel 17
          medctl subscriptions cancel 17 --json
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The subscription's id.", completion: .subscriptionIDs)
    var id: Int

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
      let place = try admin.place()
      try failing {
        let wasCancelled = try place.do {
          try AdminSubscriptions($0).cancel(id)
        } inStore: { settings in
          try runBlocking { [id] in try await SubscriptionTools.cancel(id, settings).isCancelled }
        }
        let words = wasCancelled ? "was cancelled before" : "cancelled"
        try Terminal.show(
          json ? "{\"id\":\(id),\"was_cancelled\":\(wasCancelled)}\n" : "subscription \(id) \(words)\n")
      }
    }
  }
}
