import ArgumentParser
import MEDApp
import MEDCore

struct AlarmsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alarms",
    abstract: "Shows and changes who gets alerts that nobody else gets, and when.",
    discussion: """
      Examples:
        medctl alarms get
        medctl alarms set default_alarm_receiver=ops global_message_blocked_alert_threshold=100000
      """,
    subcommands: [Get.self, Set.self])

  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "get",
      abstract: "Shows what was set; - is as the config file has it.",
      discussion: """
        Examples:
          medctl alarms get
          medctl alarms get --json
        """)

    @OptionGroup var admin: AdminOptions

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws { try admin.show(.get, "/alarm-defaults", asJSON: json, AdminTexts.members) }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Changes it, over restarts too; what isn't named keeps its value.",
      discussion: """
        Names: \(names.joined(separator: ", ")).

        Examples:
          medctl alarms set default_alarm_receiver=ops default_alarm_chan=sms
          medctl alarms set name_of_main_queue_blocked_alert_threshold=0 --json
        """)

    private static let names = [
      "default_alarm_receiver", "default_alarm_chan", "global_message_blocked_alert_threshold",
      "global_message_blocked_alarm_interval", "name_of_main_queue_blocked_alert_threshold",
    ]

    @OptionGroup var admin: AdminOptions

    @Argument(
      help: ArgumentHelp("NAME=VALUE.", valueName: "name=value"), completion: .list(names.map { $0 + "=" }))
    var assignments: [String]

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      var members: [String: JSONValue] = [:]
      try failing {
        for assignment in assignments {
          guard let equals = assignment.firstIndex(of: "=") else {
            throw UsageError("\(assignment): NAME=VALUE expected")
          }
          let name = String(assignment[..<equals])
          guard Self.names.contains(name) else {
            throw UsageError("\(name): expected one of \(Self.names.joined(separator: ", "))")
          }
          let value = String(assignment[assignment.index(after: equals)...])
          // The other two are texts.
          members[name] =
            name.hasPrefix("default_") ? .string(value) : Int(value).map { .integer($0) } ?? .string(value)
        }
      }
      try admin.show(.patch, "/alarm-defaults", .object(members), asJSON: json, AdminTexts.members)
    }
  }
}

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Makes a running dispatcher look its subscriptions up afresh.",
    discussion: """
      Examples:
        medctl cache clear
      """,
    subcommands: [Clear.self])

  struct Clear: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "clear",
      abstract: "Looks up all subscriptions, or those of some topics; rarely needed.",
      discussion: """
        Examples:
          medctl cache clear
          medctl cache clear order_paid order_shipped --json
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "Topics; none: all.", completion: .topics)
    var topics: [String] = []

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      let prefixes = JSONValue.array(topics.map { .string("subscriptions_\($0)") })
      try admin.show(.post, "/cache/clear", ["prefixes": prefixes], asJSON: json) { _ in "looked up afresh" }
    }
  }
}

struct HealthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Shows how a running dispatcher does.",
    discussion: """
      Exit code 0 if it really consumes: each queue server reached, the main queue listened to, the DATA log writable; 1 \
      otherwise, also if it doesn't answer. With --live 0 as long as its loops turn.

      Examples:
        medctl health
        medctl health --live
        medctl health --json | jq .problems
      """)

  @OptionGroup var admin: AdminOptions

  @Flag(help: "Ask only whether its loops turn: for whoever restarts it when they don't.")
  var live = false

  @Flag(help: "Print the answer as JSON.")
  var json = false

  func run() throws {
    if live { return try admin.show(.get, "//livez", asJSON: json) { _ in "it is alive" } }
    let client = try admin.client()
    let isWell = try failing {
      let answer = try client.send(.get, "//healthz")
      try Terminal.show(
        (json ? String(decoding: answer.bytes, as: UTF8.self) : AdminTexts.health(answer.json)) + "\n")
      return answer.json["status"] == "ok"
    }
    if !isWell { throw ExitCode(ExitStatus.failure.rawValue) }
  }
}
