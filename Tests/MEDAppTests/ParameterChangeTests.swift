import MEDCore
import Testing

@testable import MEDApp

@Suite("§14 medctl subscriptions set: what the words mean")
struct ParameterChangeTests {
  private let table = Settings().parameterTable

  @Test func `KEY=VALUE sets, KEY= sets an empty value, --unset takes away`() throws {
    let change = try ParameterChange(
      ["Concurrency=5", "AlerterEmails=", "ReceptionUri=http://a/?x=y"], unset: ["ProcessTimeout", "ProcessTimeout"],
      table: table)
    #expect(change.set == ["Concurrency": "5", "AlerterEmails": "", "ReceptionUri": "http://a/?x=y"])
    #expect(change.unset == ["ProcessTimeout"])
    #expect(change.stored.count == 4)
    #expect(change.stored["ProcessTimeout"] == .some(nil))
  }

  @Test(
    arguments: [
      ([], [], "nothing to change"), (["Concurrency"], [], "KEY=VALUE expected"), (["=5"], [], "KEY=VALUE expected"),
      (["Concurrency=0"], [], "Concurrency: expected 1 ... 10, got \"0\""),
      (["Concurrency=11"], [], "expected 1 ... 10"),
      (["Concurrency="], [], "--unset Concurrency gives back the default"),
      (["Concurency=5"], [], "did you mean Concurrency?"), (["Concurrency=1", "Concurrency=2"], [], "given twice"),
      (["Concurrency=1"], ["Concurrency"], "both set and unset"), ([], ["Concurrency=1"], "KEY expected"),
      (["AckMode=maybe"], [], "AckMode: expected"),
    ] as [([String], [String], String)])
  func `what can't be meant is refused, and the bound is named`(words: [String], unset: [String], text: String) {
    let error = #expect(throws: UsageError.self) { try ParameterChange(words, unset: unset, table: table) }
    #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
  }

  @Test func `a name that isn't known may be unset if it is there`() throws {
    let change = try ParameterChange([], unset: ["OldName"], table: table)
    let with = Subscription(id: 1, topic: "t", receptionChannel: "", parameters: ["OldName": "1"])
    try change.check(against: with)
    let without = Subscription(id: 1, topic: "t", receptionChannel: "")
    #expect(throws: UsageError.self) { try change.check(against: without) }
  }

  @Test func `a secret isn't shown, and control characters do nothing`() throws {
    let change = try ParameterChange(["SigningSecret=hush"], unset: ["A\u{1b}[2J"], table: table)
    for text in [change.text(of: 3, isCancelled: false), change.json(of: 3)] {
      #expect(!text.contains("hush"))
      #expect(!text.contains("\u{1b}"))
      #expect(text.contains("SigningSecret"))
    }
    #expect(change.json(of: 3).hasPrefix(#"{"id":3,"set":{"SigningSecret":"…"},"unset":["#))
  }
}
