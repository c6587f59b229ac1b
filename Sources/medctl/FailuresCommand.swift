import ArgumentParser
import MEDApp
import MEDCore

struct FailuresCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failures",
    abstract: "Shows messages that have failed, and gives those that were given up another try.",
    discussion: """
      Examples:
        medctl failures list --state given_up
        medctl failures show 4711
        medctl failures retry 4711
      """,
    subcommands: [List.self, Show.self, Retry.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Shows rows of the failure log, the latest first.",
      discussion: """
        Times are RFC 3339, of the first failure. With --json each row is a line.

        Examples:
          medctl failures list
          medctl failures list --subscription 352 --state given_up --from 2026-11-23T04:00:00Z
          medctl failures list --topic order_paid --limit 1000 --json | jq .job_id
        """)

    /// Rows of one request.
    private static let page = 500
    /// Requests for one list: each looks at 20,000 rows at most.
    private static let maximumPages = 1_000

    @OptionGroup var admin: AdminOptions

    @Option(help: ArgumentHelp("Only of this subscription.", valueName: "id"), completion: .subscriptionIDs)
    var subscription: Int?

    @Option(help: "Only of this topic.", completion: .topics)
    var topic: String?

    @Option(
      help: "Only in this state: open, delivered, given_up.", completion: .list(["open", "delivered", "given_up"]))
    var state: String?

    @Option(help: ArgumentHelp("First failure at this time or later.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("First failure before this time.", valueName: "time"))
    var until: String?

    @Option(help: ArgumentHelp("Only rows with smaller ids.", valueName: "id"))
    var before: Int?

    @Option(help: "Rows at most, 1 ... 1000000.")
    var limit = 20

    @Flag(help: "Print each row as a line of JSON.")
    var json = false

    func validate() throws {
      guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit must be 1 ... 1000000") }
    }

    func run() throws {
      let client = try admin.client()
      try failing {
        var left = limit
        var cursor = before
        for _ in 0..<Self.maximumPages {
          let answer = try client.send(
            .get, "/failures",
            query: [
              ("subscription", subscription.map { "\($0)" }), ("topic", topic), ("state", state), ("from", from),
              ("until", until), ("before", cursor.map { "\($0)" }), ("limit", "\(min(left, Self.page))"),
            ])
          guard case .array(let rows) = answer.json["failures"] else { return }
          if json {
            for row in rows { try Terminal.show(String(decoding: row.bytes, as: UTF8.self) + "\n") }
          } else if !rows.isEmpty {
            try Terminal.show(AdminTexts.failures(rows) + "\n")
          }
          left -= rows.count
          guard case .integer(let next) = answer.json["next"], left > 0 else {
            if left == limit, !json { try Terminal.show(AdminTexts.failures([]) + "\n") }
            return
          }
          cursor = next
        }
        printError("medctl: there are more rows: --before \(cursor ?? 0) goes on")
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "Shows one row with its message.",
      discussion: """
        Examples:
          medctl failures show 4711
          medctl failures show 4711 --json | jq .message
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The row's id.")
    var id: Int

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      try admin.show(.get, "/failures/\(id)", asJSON: json) { row in
        AdminTexts.failure(row, message: (row["message"] ?? .null).bytes)
      }
    }
  }

  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retry",
      abstract: "Puts messages that were given up into their channels again, with the same jobid.",
      discussion: """
        They get all their retries again; what becomes of them is written in the same rows. Made anew from the row: Sender \
        and contexts are lost (medctl replay of an EXHAUSTED record keeps them). Exit code 1 if one can't be.

        Examples:
          medctl failures retry 4711
          medctl failures retry 4711 4712 --json
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "Ids of rows.")
    var ids: [Int]

    @Flag(help: "Print each answer as JSON.")
    var json = false

    func run() throws {
      let client = try admin.client()
      var isComplete = true
      for id in ids {
        try failing {
          do {
            let answer = try client.send(.post, "/failures/\(id)/retry")
            try Terminal.show(
              (json ? String(decoding: answer.bytes, as: UTF8.self) : "failure \(id) is tried again") + "\n")
          } catch let failure as AdminFailure {
            // Of one row alone; whatever else it is, the next one would fail alike.
            guard case .refused(let status) = failure.kind, [400, 404, 409, 422].contains(status) else { throw failure }
            printError("medctl: failure \(id): \(failure)")
            isComplete = false
          }
        }
      }
      if !isComplete { throw ExitCode(ExitStatus.failure.rawValue) }
    }
  }
}
