import ArgumentParser
import MEDApp

/// Which records are meant, for `log` and `replay`.
struct RecordChoiceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Only records of this kind; may be repeated. RECOVFAIL is all that begin so.", valueName: "kind"),
    completion: .list(RecordChoice.kindNames))
  var kind: [String] = []

  @Option(help: ArgumentHelp("Only messages of this topic; may be repeated.", valueName: "topic"), completion: .topics)
  var topic: [String] = []

  @Option(
    help: ArgumentHelp("Only records of this subscription; may be repeated.", valueName: "id"),
    completion: .subscriptionIDs)
  var subscription: [Int] = []

  @Option(help: ArgumentHelp("Only records from this time on (RFC 3339).", valueName: "time"))
  var since: String?

  @Option(help: ArgumentHelp("Only records before this time (RFC 3339).", valueName: "time"))
  var until: String?

  func choice() throws -> RecordChoice {
    try RecordChoice(kinds: kind, topics: topic, subscriptions: subscription, since: since, until: until)
  }
}
