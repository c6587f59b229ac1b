import ArgumentParser
import MEDApp
import MEDCore

struct ParamsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "params",
    abstract: "Shows and changes parameters through a running dispatcher; changes are in force at once.",
    discussion: """
      Changes need the token of [Admin] Token: from the config file, the environment (MEDISPATCHER_ADMIN_TOKEN), or \
      --token-file; never from the command line, which others can see.

      Examples:
        medctl params get 352
        medctl params set 352 Concurrency=50
        medctl params defaults
      """,
    subcommands: [Get.self, Set.self, Defaults.self])

  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "get",
      abstract: "Shows all parameters in force, set ones and defaults.",
      discussion: """
        Examples:
          medctl params get 352
          medctl params get 352 --json | jq .parameters.Concurrency
        """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The subscription's id.", completion: .subscriptionIDs)
    var id: Int

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      try admin.show(.get, "/subscriptions/\(id)/parameters", asJSON: json, AdminTexts.parameters)
    }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Changes parameters, at once; those that aren't named keep their values.",
      discussion: """
        All or nothing. --unset KEY gives back the default. Shows what is in force then.

        Examples:
          medctl params set 352 Concurrency=50
          medctl params set 352 ProcessTimeout=3000 --unset IntervalOfSending --json
          medctl params set 352 Concurrency=50 --admin http://10.0.0.5:5680 --token-file admin.token
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

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws {
      var members: [String: JSONValue] = [:]
      try failing {
        for assignment in assignments {
          guard let (name, value) = ParameterChange.split(assignment) else {
            throw UsageError("\(assignment): KEY=VALUE expected")
          }
          guard members.updateValue(.string(value), forKey: name) == nil else {
            throw UsageError("\(name) is given twice")
          }
        }
        for name in unset where members.updateValue(.null, forKey: name) != nil {
          throw UsageError("\(name) is given twice")
        }
        guard !members.isEmpty else { throw UsageError("there is nothing to change: give KEY=VALUE") }
      }
      // Judged by the dispatcher: its bounds count, not those of a file here.
      try admin.show(
        .patch, "/subscriptions/\(id)/parameters", .object(members), asJSON: json, AdminTexts.parameters)
    }
  }

  struct Defaults: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "defaults",
      abstract: "Shows the default and the bounds of each parameter.",
      discussion: """
        Examples:
          medctl params defaults
          medctl params defaults --json | jq .settings
        """)

    @OptionGroup var admin: AdminOptions

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() throws { try admin.show(.get, "/parameters/defaults", asJSON: json, AdminTexts.defaults) }
  }
}
