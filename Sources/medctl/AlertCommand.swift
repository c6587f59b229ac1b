import ArgumentParser
import MEDApp
import MEDCore

struct AlertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alert",
    abstract: "Tries whether alerts arrive, and shows the latest ones.",
    discussion: """
      Examples:
        medctl alert test --subscription 352
        medctl alert list
      """,
    subcommands: [Test.self, List.self])

  struct Test: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "test",
      abstract: "Sends a test alert to all who get alerts about a subscription.",
      discussion: """
        Shows what each gateway answered for each recipient. Through the running dispatcher if there is a token for its \
        admin API, or else by itself, with the gateways of the config file. Exit code 1 if anybody didn't get it.

        Examples:
          medctl alert test --subscription 352
          medctl alert test --subscription 352 -f /etc/medispatcher.toml --json
        """)

    @OptionGroup var admin: AdminOptions

    @Option(help: ArgumentHelp("The subscription's id.", valueName: "id"), completion: .subscriptionIDs)
    var subscription: Int

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      let place = try admin.place()
      let answer = try failing {
        let answer = try place.do {
          try $0.send(.post, "/subscriptions/\(subscription)/alert-test").json
        } inStore: { settings in
          try runBlocking { [subscription] in try await AlertTest.run(subscription, settings) }
        }
        try Terminal.show(
          (json ? String(decoding: answer.bytes, as: UTF8.self) : AdminTexts.alertTest(answer)) + "\n")
        return answer
      }
      guard answer["delivered"] == true else { throw ExitCode(ExitStatus.failure.rawValue) }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Shows the latest alerts of a running dispatcher, and what became of them.",
      discussion: """
        Examples:
          medctl alert list
          medctl alert list --limit 10 --json | jq .counters
        """)

    @OptionGroup var admin: AdminOptions

    @Option(help: "Alerts at most, 1 ... 200.")
    var limit = 20

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      try admin.show(.get, "/alerts", query: [("limit", "\(limit)")], asJSON: json, AdminTexts.alerts)
    }
  }
}
